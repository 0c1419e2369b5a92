package jsontable

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

type point struct{ X, Y int }

var pointTable = New("point", Named[point]("x", "y")...)

func together(all []point) error {
	if len(all) > 2 {
		return errors.New("too many")
	}
	return nil
}

func onDiagonal(p *point) error {
	if p.X != p.Y {
		return errors.New("not on the diagonal")
	}
	return nil
}

func TestPartsAreWrittenAndRead(t *testing.T) {
	list, values, one := []point{{1, 2}, {3, 4}}, map[string]point{"b": {1, 1}, "a": {}}, point{5, 6}
	var readList []point
	var readValues map[string]point
	var readOne point
	for want, parts := range map[string][2]Part{
		`[{"x":1,"y":2},{"x":3,"y":4}]`:         {List(pointTable, &list, together), List(pointTable, &readList, together)},
		`{"a":{"x":0,"y":0},"b":{"x":1,"y":1}}`: {Map(pointTable, &values, onDiagonal), Map(pointTable, &readValues, onDiagonal)},
		`{"x":5,"y":6}`:                         {Object(pointTable, &one), Object(pointTable, &readOne)},
		`7`:                                     {Constant("7", "luck"), Constant("7", "luck")},
	} {
		got, err := parts[0].AppendJSON(nil)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
		if err := errors.Join(parts[0].Check(), parts[1].ParseJSON(Text(want))); err != nil {
			t.Errorf("%s: %v", want, err)
		}
	}
	if !reflect.DeepEqual(readList, list) || !reflect.DeepEqual(readValues, values) || readOne != one {
		t.Errorf("read %v, %v and %v", readList, readValues, readOne)
	}
}

func TestPartsRefuse(t *testing.T) {
	var list []point
	var values map[string]point
	for _, c := range []struct {
		part       Part
		text, want string
	}{
		{List(pointTable, &list, together), `{}`, `an object is not an array of objects`},
		{List(pointTable, &list, together), `[{"x":1,"y":2},{"x":1}]`, `[1]: field "y": missing`},
		{List(pointTable, &list, together), `[{"x":1,"y":2},{"x":1,"y":1},{"x":1,"y":1}]`, `too many`},
		{Map(pointTable, &values, onDiagonal), `{"a":{"x":1,"y":2}}`, `node "a": not on the diagonal`},
		{Map(pointTable, &values, onDiagonal), `{"a":{"x":1,"y":1},"a":{"x":1,"y":1}}`, `node "a": given twice`},
		{Map(pointTable, &values, onDiagonal), `{"a":{"x":-1,"y":2}}`, `node "a": field "x": -1 is not a count`},
		{Constant("7", "luck"), `8`, `8 is not 7, luck`},
	} {
		list = nil
		if err := c.part.ParseJSON(Text(c.text)); err == nil || err.Error() != c.want {
			t.Errorf("%s: got  %v\nwant %s", c.text, err, c.want)
		}
	}
	list, values = []point{{-1, 1}}, map[string]point{"a": {-1, -1}, "b": {1, 2}}
	for want, part := range map[string]Part{
		`[0]: field "x": -1 is negative`:      List(pointTable, &list, together),
		`node "a": field "x": -1 is negative`: Map(pointTable, &values, onDiagonal),
	} {
		if err := part.Check(); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestAFieldIsFoundByItsName(t *testing.T) {
	type work struct {
		Took time.Duration
		Ms   uint64
	}
	table := New("work", Named[work]("tookMs", "ms")...)
	data, err := table.Marshal(&work{Took: time.Second, Ms: 2}, 0)
	if want := `{"tookMs":1000,"ms":2}`; err != nil || string(data) != want {
		t.Errorf("got %s, %v, want %s", data, err, want)
	}
	defer func() {
		if recover() == nil {
			t.Errorf("a table with a field that work lacks is made")
		}
	}()
	New("work", Named[work]("idleMs")...)
}

func TestAddNamesTheFieldThatOverflows(t *testing.T) {
	type counts struct {
		N    uint64
		Flag bool
		W    int
	}
	table := New("counts",
		Field[counts]{Name: "n", At: func(c *counts) any { return &c.N }},
		Field[counts]{Name: "flag", At: func(c *counts) any { return &c.Flag }},
		Field[counts]{Name: "w", At: func(c *counts) any { return &c.W }},
	)
	sum := counts{N: 1, W: 2}
	if err := table.Add(&sum, &counts{N: 2, Flag: true, W: 3}); err != nil || sum != (counts{3, true, 5}) {
		t.Errorf("the sum is %+v, %v", sum, err)
	}
	const want = `field "n": the sum is above 18446744073709551615`
	if err := table.Add(&sum, &counts{N: 1<<64 - 3}); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	sum = counts{N: 7, W: 5}
	if ok := table.Subtract(&sum, &counts{N: 3, W: 9}); !ok || sum != (counts{4, false, 5}) {
		t.Errorf("the difference is %+v, %t", sum, ok)
	}
	if table.Subtract(&sum, &counts{N: 5}) {
		t.Errorf("a lower count is subtracted")
	}
}
