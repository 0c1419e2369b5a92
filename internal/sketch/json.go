package sketch

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nodemetrics/nodemetrics/internal/jsontable"
)

// A Pair is a Centroid of a caller.
type Pair interface {
	~struct {
		Mean   time.Duration
		Weight int
	}
}

// Convert returns the pairs of one type as those of another. It is never nil.
func Convert[To, From Pair](s []From) []To {
	to := make([]To, len(s))
	for i, c := range s {
		to[i] = To(c)
	}
	return to
}

// Limits are the limits of a sketch that is read or made by hand.
type Limits struct {
	Pairs  int           // at most
	Mean   time.Duration // the longest
	Weight int           // the highest, of a centroid and of all together
}

// Samples returns the sum of the weights. It returns an error if a sketch is
// wrong in itself.
func Samples[P Pair](s []P, l Limits) (n int, err error) {
	if len(s) > l.Pairs {
		return 0, fmt.Errorf("%d pairs are more than %d", len(s), l.Pairs)
	}
	var before time.Duration
	for i, p := range s {
		c := Centroid(p)
		switch {
		case c.Mean < 0 || c.Mean > l.Mean:
			return 0, fmt.Errorf("[%d]: the mean, %v, is not from 0 to %v", i, c.Mean, l.Mean)
		case c.Mean < before:
			return 0, fmt.Errorf("[%d]: the mean, %s, is below the one before, %s", i, millis(c.Mean), millis(before))
		case c.Weight < 1 || c.Weight > l.Weight:
			return 0, fmt.Errorf("[%d]: the weight, %d, is not from 1 to %d", i, c.Weight, l.Weight)
		case c.Weight > l.Weight-n:
			return 0, fmt.Errorf("[%d]: the weights add up to more than %d", i, l.Weight)
		}
		n, before = n+c.Weight, c.Mean
	}
	return n, nil
}

// Check returns an error if the sketch is not the one of a window with so many
// samples and these extremes.
func Check[P Pair](s []P, l Limits, samples int, shortest, longest time.Duration) error {
	n, err := Samples(s, l)
	switch {
	case err != nil || n == 0 && samples == 0:
		return err
	case n != samples:
		return fmt.Errorf("the weights add up to %d, and windowSamples is %d", n, samples)
	}
	if first := Centroid(s[0]).Mean; first != shortest {
		return fmt.Errorf("the first mean is %s, and windowMinMs is %s", millis(first), millis(shortest))
	}
	if last := Centroid(s[len(s)-1]).Mean; last != longest {
		return fmt.Errorf("the last mean is %s, and windowMaxMs is %s", millis(last), millis(longest))
	}
	return nil
}

// millis returns a duration as in JSON.
func millis(d time.Duration) []byte { return jsontable.AppendMillis(nil, d) }

// A Form is the JSON of a sketch, [[milliseconds, weight], …].
type Form[S ~[]P, P Pair] struct{ Limits }

// Append appends the sketch.
func (f Form[S, P]) Append(b []byte, s *S) ([]byte, error) { return appendJSON(b, *s) }

// Parse reads a sketch.
func (f Form[S, P]) Parse(text jsontable.Text, s *S) error {
	pairs, err := parseJSON[P](text, f.Limits)
	*s = pairs
	if err != nil {
		return err
	}
	return f.Check(s)
}

// Check returns an error if the sketch is wrong in itself.
func (f Form[S, P]) Check(s *S) error {
	_, err := Samples(*s, f.Limits)
	return err
}

// appendJSON appends [[milliseconds, weight], …].
func appendJSON[P Pair](b []byte, s []P) ([]byte, error) {
	b = append(b, '[')
	for i, p := range s {
		if i > 0 {
			b = append(b, ',')
		}
		c := Centroid(p)
		if c.Mean < 0 || c.Weight < 1 {
			return nil, fmt.Errorf("[%d]: a mean of %v with a weight of %d", i, c.Mean, c.Weight)
		}
		b = jsontable.AppendMillis(append(b, '['), c.Mean)
		b = strconv.AppendInt(append(b, ','), int64(c.Weight), 10)
		b = append(b, ']')
	}
	return append(b, ']'), nil
}

// parseJSON returns the pairs of an array. It does not compare them.
func parseJSON[P Pair](text jsontable.Text, l Limits) ([]P, error) {
	if text[0] != '[' {
		return nil, jsontable.NotA(text, "an array of pairs")
	}
	const shortest = len("[0,1],")
	s := make([]P, 0, min(l.Pairs, len(text)/shortest+1))
	for element := range text.Elements() {
		i := len(s)
		if i == l.Pairs {
			return nil, fmt.Errorf("more than %d pairs", l.Pairs)
		}
		c, err := parseCentroid(element, l)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		s = append(s, P(c))
	}
	return s, nil
}

// parseCentroid reads [milliseconds, weight].
func parseCentroid(text jsontable.Text, l Limits) (c Centroid, err error) {
	var pair [2]jsontable.Text
	i := 0
	if text[0] == '[' {
		for element := range text.Elements() {
			if i < len(pair) {
				pair[i] = element
			}
			i++
		}
	}
	switch {
	case i > len(pair):
		return c, errors.New("an array of more than two is not [milliseconds, weight]")
	case i < len(pair):
		return c, jsontable.NotA(text, "[milliseconds, weight]")
	}
	if c.Mean, err = jsontable.ParseMillis(pair[0], l.Mean); err != nil {
		return c, err
	}
	weight, err := jsontable.ParseCount(pair[1])
	if err == nil && (weight < 1 || weight > uint64(l.Weight)) {
		err = fmt.Errorf("a weight of %d is not from 1 to %d", weight, l.Weight)
	}
	c.Weight = int(weight)
	return c, err
}
