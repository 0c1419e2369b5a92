package lastfailure

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxText is how many bytes of a text are kept.
const MaxText = 256

// Text returns the text of an error. If its method Error panics, the text says
// so. The text of nil is empty.
func Text(err error) (text string) {
	if err == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = cut(fmt.Sprintf("the Error method of %T panicked", err))
		}
	}()
	return cut(err.Error())
}

// PanicText returns the text for a function that did not return. The value is
// nil if the function called runtime.Goexit.
func PanicText(value any) string {
	if value == nil {
		return "runtime.Goexit"
	}
	return cut("panic: " + fmt.Sprint(value))
}

// cut makes text valid UTF-8, and keeps at most MaxText bytes of it, in whole
// characters. It copies them, because text may be a part of something large.
func cut(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > MaxText {
		end := MaxText
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	return strings.Clone(text)
}
