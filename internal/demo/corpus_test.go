package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCorpusIsDrawnBySeed(t *testing.T) {
	root := writeCorpus(t, 40, 10)
	draw := func(n int, seed uint64) corpus {
		t.Helper()
		c, err := openCorpus(t.Context(), root, n, seed)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	all, some := draw(0, 1), draw(20, 1)
	if len(all.files) != 50 || all.found != 50 || len(some.files) != 20 || some.found != 50 {
		t.Errorf("%d of %d files, and %d of %d", len(all.files), all.found, len(some.files), some.found)
	}
	if more := draw(51, 1); len(more.files) != 50 {
		t.Errorf("%d files where there are 50 and 51 were asked for", len(more.files))
	}
	if !slices.Equal(all.files[:20], some.files) {
		t.Error("one seed draws different files")
	}
	if other := draw(20, 2); slices.Equal(some.files, other.files) {
		t.Error("two seeds draw the same files")
	}
	slices.Sort(all.files)
	if len(slices.Compact(all.files)) != 50 {
		t.Error("a file is drawn twice")
	}
	for _, name := range all.files {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s is no file: %v", name, err)
		}
	}
}

// TestCorpusBehindLink has the folder behind a link, as some systems install the toolchain's.
func TestCorpusBehindLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "src")
	if err := os.Symlink(writeCorpus(t, 3, 0), link); err != nil {
		t.Skip("links cannot be made here:", err)
	}
	c, err := openCorpus(t.Context(), link, 0, 1)
	if err != nil || len(c.files) != 3 {
		t.Errorf("%d files, error %v", len(c.files), err)
	}
}

// TestToolchainIsMalformedInPlaces holds the default run to what it promises: a tree of thousands of files, some of
// which do not parse.
func TestToolchainIsMalformedInPlaces(t *testing.T) {
	c, err := openCorpus(t.Context(), "", defaultFiles, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.files) != defaultFiles {
		t.Fatalf("the toolchain has %d files, fewer than a default run", c.found)
	}
	l := &pipeline{root: c.root}
	for _, name := range c.files {
		src, err := l.readFile(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseSource(context.Background(), src); err != nil {
			if !strings.Contains(name, "testdata/") {
				t.Errorf("%s does not parse: %v", name, err)
			}
			return
		}
	}
	t.Error("all files of a default run parse")
}
