package table

import (
	"fmt"
	"strconv"
	"time"
)

// Count returns a count in at most five characters.
func Count(n uint64) string {
	if n < 100_000 {
		return strconv.FormatUint(n, 10)
	}
	x, unit := float64(n), 0
	for ; x >= 999.5; unit++ {
		x /= 1000
	}
	return threeDigits(x) + " kMGTPE"[unit:unit+1]
}

// threeDigits returns an x from 1 to 999 in three digits.
func threeDigits(x float64) string {
	decimals := 2
	for bound := 9.995; x >= bound && decimals > 0; bound *= 10 {
		decimals--
	}
	return strconv.FormatFloat(x, 'f', decimals, 64)
}

// Rate returns a rate in per cent. Only 0 is 0%, and only 1 is 100%.
func Rate(rate float64) string {
	percent := 100 * min(max(rate, 0), 1)
	switch {
	case percent > 0 && percent < 0.1:
		return "<0.1%"
	case percent > 99.9 && percent < 100:
		return ">99.9%"
	case percent == 0 || percent == 100:
		return strconv.FormatFloat(percent, 'f', 0, 64) + "%"
	}
	return strconv.FormatFloat(percent, 'f', 1, 64) + "%"
}

// Duration returns a duration in two or three digits up to a minute, and in two
// units beyond. A negative one counts as 0.
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0)
	step := time.Duration(1)
	for d/step >= 1000 {
		step *= 10
	}
	switch {
	case d < time.Minute:
		return d.Round(step).String()
	case d.Round(time.Second) < time.Hour:
		return d.Round(time.Second).String()
	case d.Round(time.Minute) < day:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d.Round(time.Hour) < 10*day:
		d = d.Round(time.Hour)
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
	return fmt.Sprintf("%dd", d.Round(day)/day)
}

// Mark returns the text with a mark behind it if the figure is in breach.
func Mark(text string, breached bool) string {
	if breached {
		return text + "!"
	}
	return text
}
