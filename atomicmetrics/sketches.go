package atomicmetrics

import (
	"errors"
	"fmt"
	"strconv"
)

// The JSON of Snapshot.Sketches: {"<node>": [[milliseconds, weight], …], …}, with a sketch for each node.

func noSketches(s *Snapshot) bool { return s.Sketches == nil }

// encodeSketches appends the object of all sketches.
func encodeSketches(b []byte, s *Snapshot) ([]byte, error) {
	return encodeByName(b, s.Sketches, func(b []byte, sketch Sketch) ([]byte, error) {
		b = append(b, '[')
		for i, c := range sketch {
			if i > 0 {
				b = append(b, ',')
			}
			if c.Mean < 0 || c.Weight < 1 {
				return nil, fieldError("sketches", fmt.Errorf("[%d]: a mean of %v with a weight of %d", i, c.Mean, c.Weight))
			}
			b = appendMillis(append(b, '['), c.Mean)
			b = strconv.AppendInt(append(b, ','), int64(c.Weight), 10)
			b = append(b, ']')
		}
		return append(b, ']'), nil
	})
}

// decodeSketches reads the object of all sketches. The nodes have been read before.
func decodeSketches(text jsonText, s *Snapshot) error {
	if text[0] != '{' {
		return notA(text, "an object")
	}
	s.Sketches = map[string]Sketch{}
	for key, val := range text.members() {
		name := key.unquote()
		if _, ok := s.Sketches[name]; ok {
			return nodeError(name, fieldError("sketches", errors.New("given twice")))
		}
		m, ok := s.Nodes[name]
		if !ok {
			return nodeError(name, fieldError("sketches", errNoSuchNode))
		}
		sketch, err := parseSketch(val, m.WindowSamples)
		if err != nil {
			return nodeError(name, fieldError("sketches", err))
		}
		s.Sketches[name] = sketch
	}
	return s.checkSketches()
}

var errNoSuchNode = errors.New("of a node that is not in nodes")

// checkSketches returns an error unless there are no sketches at all, or there is one for each node, its own.
func (s *Snapshot) checkSketches() error {
	if s.Sketches == nil {
		return nil
	}
	for _, name := range sortedKeys(s.Sketches) {
		m, ok := s.Nodes[name]
		err := s.Sketches[name].check(&m)
		if !ok {
			err = errNoSuchNode
		}
		if err != nil {
			return nodeError(name, fieldError("sketches", err))
		}
	}
	for _, name := range sortedKeys(s.Nodes) {
		if _, ok := s.Sketches[name]; !ok {
			return nodeError(name, fieldError("sketches", errors.New("missing")))
		}
	}
	return nil
}

// parseSketch reads pairs for at most as many samples. What they say together is not looked at.
func parseSketch(text jsonText, samples int) (Sketch, error) {
	if text[0] != '[' {
		return nil, notA(text, "an array of pairs")
	}
	const shortest = len("[0,1],")
	sketch := make(Sketch, 0, min(samples, maxPairs, len(text)/shortest+1))
	for element := range text.elements() {
		if i := len(sketch); i == min(samples, maxPairs) {
			return nil, fmt.Errorf("more than %d pairs, for windowSamples of %d", i, samples)
		}
		c, err := parseCentroid(element)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", len(sketch), err)
		}
		sketch = append(sketch, c)
	}
	return sketch, nil
}

// parseCentroid reads [milliseconds, weight].
func parseCentroid(text jsonText) (c Centroid, err error) {
	pair := make([]jsonText, 0, 2)
	if text[0] == '[' {
		for element := range text.elements() {
			if len(pair) == cap(pair) {
				return c, errors.New("an array of more than two is not [milliseconds, weight]")
			}
			pair = append(pair, element)
		}
	}
	if len(pair) < cap(pair) {
		return c, notA(text, "[milliseconds, weight]")
	}
	if c.Mean, err = parseMillis(pair[0], MaxDuration); err != nil {
		return c, err
	}
	weight, err := parseCount(pair[1])
	if err == nil && (weight < 1 || weight > maxWindowSize) {
		err = fmt.Errorf("a weight of %d is not from 1 to %d", weight, maxWindowSize)
	}
	c.Weight = int(weight)
	return c, err
}
