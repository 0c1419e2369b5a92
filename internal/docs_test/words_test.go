package docs_test

import (
	"fmt"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The limits of the comments of a tree.
const (
	mostWordsASentence = 14.0
	mostWhat           = 1.5  // in 1,000 words
	mostPronouns       = 25.0 // it, one, other and they, in 1,000 words
	mostColumns        = 100  // of a line with a comment; a tab has 4
)

// prose counts the comments of some files. Its sentences and words are those
// of paragraphs and of list items, so headings, blocks of code and directives
// do not count.
type prose struct {
	lines, wide                     int
	sentences, words, what, pronoun int
}

func (p *prose) add(q prose) {
	p.lines += q.lines
	p.wide += q.wide
	p.sentences += q.sentences
	p.words += q.words
	p.what += q.what
	p.pronoun += q.pronoun
}

func (p *prose) String() string {
	perSentence, what, pronouns := p.rates()
	return fmt.Sprintf("%5d lines %3d wide %6d words %5.1f a sentence %4.1f what %5.1f pronouns",
		p.lines, p.wide, p.words, perSentence, what, pronouns)
}

// rates returns the words a sentence, and "what" and pronouns in 1,000 words.
func (p *prose) rates() (perSentence, what, pronouns float64) {
	words := float64(max(1, p.words))
	return words / float64(max(1, p.sentences)), 1000 * float64(p.what) / words, 1000 * float64(p.pronoun) / words
}

var (
	sentenceEnd  = regexp.MustCompile(`[.?!]["')\]]*(?:\s+|$)`)
	abbreviation = regexp.MustCompile(`\b(e\.g|i\.e|etc|vs)\.`)
	aWord        = regexp.MustCompile(`\S*[\pL\pN]\S*`)
	aPronoun     = regexp.MustCompile(`(?i)^\W*(?:it|one|other|they)\W*$`)
	aWhat        = regexp.MustCompile(`(?i)^\W*what(?:ever)?\W*$`)
)

// paragraph counts the sentences of a paragraph.
func (p *prose) paragraph(text string) {
	text = abbreviation.ReplaceAllString(text, "$1")
	for _, sentence := range sentenceEnd.Split(text, -1) {
		words := aWord.FindAllString(sentence, -1)
		if len(words) == 0 {
			continue
		}
		p.sentences++
		p.words += len(words)
		for _, word := range words {
			if aWhat.MatchString(word) {
				p.what++
			}
			if aPronoun.MatchString(word) {
				p.pronoun++
			}
		}
	}
}

// blocks counts the paragraphs of a comment, and those of its lists.
func (p *prose) blocks(content []comment.Block) {
	for _, block := range content {
		switch block := block.(type) {
		case *comment.Paragraph:
			printed := (&comment.Printer{TextWidth: -1}).Text(&comment.Doc{Content: []comment.Block{block}})
			p.paragraph(string(printed))
		case *comment.List:
			for _, item := range block.Items {
				p.blocks(item.Content)
			}
		}
	}
}

// proseOf returns the counts of a file, and a line for each comment that is too
// wide. The text of a group is without its directives.
func proseOf(files *token.FileSet, path, source string) (prose, []string, error) {
	file, err := parser.ParseFile(files, path, source, parser.ParseComments)
	if err != nil {
		return prose{}, nil, err
	}
	lines := strings.Split(source, "\n")
	var count prose
	var wide []string
	for _, group := range file.Comments {
		count.blocks(new(comment.Parser).Parse(group.Text()).Content)
		for number := files.Position(group.Pos()).Line; number <= files.Position(group.End()).Line; number++ {
			count.lines++
			line := strings.ReplaceAll(lines[number-1], "\t", "    ")
			if len([]rune(line)) > mostColumns {
				count.wide++
				wide = append(wide, fmt.Sprintf("%s:%d", path, number))
			}
		}
	}
	return count, wide, nil
}

// proseTrees are the trees whose comments have the limits.
var proseTrees = []string{"atomicmetrics", "digest", "wrap", "internal", "bench"}

// TestCommentsAreShortSentences holds the comments outside of tests to the
// limits. With -v it prints the figures of each package.
func TestCommentsAreShortSentences(t *testing.T) {
	for _, tree := range proseTrees {
		packages := map[string]*prose{}
		var all prose
		err := filepath.WalkDir(filepath.Join(root, tree), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			count, wide, err := proseOf(token.NewFileSet(), path, string(source))
			if err != nil {
				return err
			}
			for _, line := range wide {
				t.Errorf("%s: the comment ends beyond column %d", line, mostColumns)
			}
			name := filepath.Dir(path)
			if packages[name] == nil {
				packages[name] = new(prose)
			}
			packages[name].add(count)
			all.add(count)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(packages)) {
			t.Logf("%-32s %v", strings.TrimPrefix(name, root+"/"), packages[name])
		}
		t.Logf("%-32s %v", "all of "+tree, &all)
		perSentence, what, pronouns := all.rates()
		if all.words < 100 || perSentence > mostWordsASentence || what > mostWhat || pronouns > mostPronouns {
			t.Errorf("the comments of %s have %v", tree, &all)
		}
	}
}
