// Package sql runs the SQL in the cookbook of atomicmetrics on databases
// that are not ours.
package sql
