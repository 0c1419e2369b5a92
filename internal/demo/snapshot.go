package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// checkTarget returns an error before a run if there is no place for the
// snapshot.
func checkTarget(target string) error {
	if target == "" || target == "-" {
		return nil
	}
	if info, err := os.Stat(target); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("-json %s: it exists and is no regular file", target)
	}
	if info, err := os.Stat(filepath.Dir(target)); err != nil {
		return fmt.Errorf("-json %s: %w", target, err)
	} else if !info.IsDir() {
		return fmt.Errorf("-json %s: %s is not a folder", target, filepath.Dir(target))
	}
	return nil
}

// writeSnapshot writes the JSON of s to the file target, or to stdout if target
// is "-". If target is empty, it writes nothing.
func writeSnapshot(target string, s atomicmetrics.Snapshot, stdout io.Writer) error {
	if target == "" {
		return nil
	}
	data, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if target == "-" {
		_, err = stdout.Write(data)
	} else {
		err = replaceFile(target, data)
	}
	if err != nil {
		return fmt.Errorf("-json %s: %w", target, err)
	}
	return nil
}

// replaceFile replaces a file by data in one step. A reader sees the whole old
// content or the whole new content.
func replaceFile(path string, data []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(data)
	if err == nil {
		err = file.Chmod(0o644) // a temporary file is its owner's alone
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
