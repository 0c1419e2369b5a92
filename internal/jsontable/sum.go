package jsontable

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Add adds the counts of v to those of sum, and sets each flag of sum that v
// has. The counts of a window, which are an int, do not overflow. The error
// names a count whose sum is beyond 64 bits. Then sum is of no use.
func (t *Table[T]) Add(sum, v *T) error {
	var ours, theirs [8]*uint64
	for i := range t.Fields {
		f := &t.Fields[i]
		more := f.AppendCounts(theirs[:0], v)
		for j, n := range f.AppendCounts(ours[:0], sum) {
			var err error
			if *n, err = AddCounts(*n, *more[j]); err != nil {
				return FieldError(f.Name, err)
			}
		}
		switch p := f.At(sum).(type) {
		case *bool:
			*p = *p || *f.At(v).(*bool)
		case *int:
			*p += *f.At(v).(*int)
		}
	}
	return nil
}

// AddCounts returns the sum of two counts, or an error if it is beyond 64 bits.
func AddCounts(a, b uint64) (uint64, error) {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return 0, fmt.Errorf("the sum is above %d", uint64(math.MaxUint64))
	}
	return sum, nil
}

// Subtract subtracts the counts of before from those of v. If one is lower
// than before, it reports false, and v is of no use.
func (t *Table[T]) Subtract(v, before *T) bool {
	var ours, theirs [8]*uint64
	for i := range t.Fields {
		f := &t.Fields[i]
		then := f.AppendCounts(theirs[:0], before)
		for j, n := range f.AppendCounts(ours[:0], v) {
			if *n < *then[j] {
				return false
			}
			*n -= *then[j]
		}
	}
	return true
}

// CopyDurations copies the durations that are null under a condition.
func (t *Table[T]) CopyDurations(null *Condition[T], to, from *T) {
	for i := range t.Fields {
		f := &t.Fields[i]
		if d, ok := f.At(to).(*time.Duration); ok && f.Null == null {
			*d = *f.At(from).(*time.Duration)
		}
	}
}
