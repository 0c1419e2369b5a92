package pad

// Words rounds a number of words of 8 bytes up to whole cache lines. So no
// other memory shares the last line.
func Words(n int) int {
	const line = Line / 8
	return (n + line - 1) / line * line
}
