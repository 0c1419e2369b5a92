package sketch

import "slices"

// A Sum is the sketch of any number of windows, in memory that does not grow
// with their number. The zero Sum has no window.
//
// A Sum keeps the pairs of its windows as they are, up to MaxSamples. Then it
// compresses them, and goes on. The next compression leaves most centroids as
// they are, because each holds about as much as it may. So the error of a
// thousand windows is no larger than the error of a few.
type Sum struct {
	windows int
	pairs   Sketch // of the windows, in the order of their means
}

// Add adds a window. It keeps nothing of it. A window without samples changes
// nothing.
func (s *Sum) Add(window Sketch) {
	if len(window) == 0 {
		return
	}
	s.windows++
	i, j := len(s.pairs)-1, len(window)-1
	s.pairs = append(s.pairs, window...)
	for k := len(s.pairs) - 1; j >= 0; k-- { // from the longest
		if i >= 0 && s.pairs[i].Mean > window[j].Mean {
			s.pairs[k] = s.pairs[i]
			i--
		} else {
			s.pairs[k] = window[j]
			j--
		}
	}
	if s.windows > 1 && len(s.pairs) > MaxSamples {
		s.pairs = compress(s.pairs)
	}
}

// Windows returns how many windows were added.
func (s *Sum) Windows() int { return s.windows }

// Sketch returns the sketch of all windows. One window alone is as it was
// added. The Sum may go on.
func (s *Sum) Sketch() Sketch {
	all := slices.Clone(s.pairs)
	if s.windows < 2 {
		return all
	}
	slices.SortFunc(all, Compare) // Only pairs of one mean move.
	if n := len(all); n > MaxSamples || n > MaxPairs && !all.Exact() {
		return compress(all)
	}
	return all
}
