// Package core tells on which processor the caller runs and keeps it there, so that what each processor writes can be
// kept apart.
package core
