package main

import (
	"os"
	"strings"
	"testing"
)

func TestStatementsAreThoseOfTheCookbook(t *testing.T) {
	text, err := os.ReadFile("../../../../atomicmetrics/COOKBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Join(strings.Fields(string(text)), " ")
	for _, statement := range []string{table, newest, counters, pairs, percentiles} {
		if !strings.Contains(words, strings.Join(strings.Fields(statement), " ")+";") {
			t.Errorf("the cookbook does not have\n%s", statement)
		}
	}
}
