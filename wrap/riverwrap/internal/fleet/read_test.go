package main

import (
	"os"
	"strings"
	"testing"
)

func TestStatementsAreThoseOfTheDocumentation(t *testing.T) {
	var documentation string
	for _, file := range []string{"merge.go", "sketch.go"} {
		text, err := os.ReadFile("../../../../atomicmetrics/" + file)
		if err != nil {
			t.Fatal(err)
		}
		documentation += string(text)
	}
	words := strings.Join(strings.Fields(strings.ReplaceAll(documentation, "\n//", "\n")), " ")
	for _, statement := range []string{table, newest, counters, pairs, percentiles} {
		if !strings.Contains(words, strings.Join(strings.Fields(statement), " ")+";") {
			t.Errorf("the documentation does not have\n%s", statement)
		}
	}
}
