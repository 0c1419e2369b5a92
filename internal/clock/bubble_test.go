package clock

import (
	"testing"
	"testing/synctest"
)

func TestBubbledIsTrueInABubbleAlone(t *testing.T) {
	if Bubbled() {
		t.Error("Bubbled is true outside")
	}
	synctest.Test(t, func(t *testing.T) {
		if !Bubbled() {
			t.Error("Bubbled is false in a bubble")
		}
	})
}
