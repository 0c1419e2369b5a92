package enum

import "testing"

type color uint8

var colors = Enum[color]{Type: "color", What: "a color", Names: []string{"red", "green"}}

func TestAValueHasItsName(t *testing.T) {
	for v, want := range map[color]string{0: "red", 1: "green", 2: "color(2)"} {
		if got := colors.String(v); got != want {
			t.Errorf("%d is %q, want %q", uint8(v), got, want)
		}
	}
}

func TestTextIsReadBack(t *testing.T) {
	for v := range color(len(colors.Names)) {
		text, err := colors.MarshalText(v)
		if err != nil {
			t.Fatal(err)
		}
		got := color(9)
		if err := colors.UnmarshalText(text, &got); err != nil || got != v {
			t.Errorf("%q is read as %d, %v, want %d", text, got, err, v)
		}
	}
}

func TestTextThatIsNoNameIsRefused(t *testing.T) {
	if text, err := colors.MarshalText(2); err == nil || err.Error() != "atomicmetrics: color(2) is not a color" {
		t.Errorf("the value 2 is written as %q, %v", text, err)
	}
	v := color(1)
	err := colors.UnmarshalText([]byte("blue"), &v)
	if err == nil || err.Error() != `atomicmetrics: "blue" is not a color (red, green)` || v != 1 {
		t.Errorf("blue is read as %d, %v", v, err)
	}
}
