package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
)

// corpus is a choice of the .go files below a folder.
type corpus struct {
	root  string
	files []string // paths below root, slash-separated, in the order of the run
	found int      // files there are below root
}

// openCorpus draws n files below root, or all if n is 0. Their order depends on
// seed and the tree alone. So malformed files, which sit together in a tree,
// are spread over the run. An empty root means the Go toolchain's source.
func openCorpus(ctx context.Context, root string, n int, seed uint64) (corpus, error) {
	root, files, err := findFiles(ctx, root)
	if err != nil {
		return corpus{}, fmt.Errorf("no corpus: %w (name a folder with .go files by -corpus)", err)
	}
	c := corpus{root: root, files: files, found: len(files)}
	draw := rand.New(rand.NewPCG(seed, 0))
	draw.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	if n > 0 && n < len(files) {
		c.files = files[:n]
	}
	return c, nil
}

// findFiles returns the folder of root, and the paths of the .go files below,
// in lexical order.
func findFiles(ctx context.Context, root string) (dir string, files []string, err error) {
	if root == "" {
		if root, err = toolchainSource(ctx); err != nil {
			return "", nil, err
		}
	}
	// A walk does not follow a link, and on some systems src is a link.
	dir, err = filepath.EvalSymlinks(root)
	if err != nil {
		return "", nil, err
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == dir && !entry.IsDir():
			return fmt.Errorf("%s is not a folder", root)
		case filepath.Ext(path) == ".go" && entry.Type().IsRegular():
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			files = append(files, filepath.ToSlash(name))
		}
		return ctx.Err()
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no .go files below %s", root)
	}
	return dir, files, err
}

// toolchainSource asks the go command, because a program built with -trimpath
// does not know where the toolchain lies.
func toolchainSource(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("\"go env GOROOT\" does not say where the Go toolchain is: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "src"), nil
}
