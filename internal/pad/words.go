package pad

// Words rounds a number of words of 8 bytes up to whole lines, so that no other
// memory shares the last one.
func Words(n int) int {
	const line = Line / 8
	return (n + line - 1) / line * line
}
