// Package sql runs the SQL in the documentation of atomicmetrics on databases
// that are not ours.
package sql
