// Package core tells on which processor the caller runs, and keeps the caller
// there. So each processor can have memory of its own to write.
package core
