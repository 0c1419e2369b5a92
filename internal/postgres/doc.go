// Package postgres starts a PostgreSQL for tests and for make fleet.
//
// The server has a temporary folder, which holds its data and its socket. It
// listens to no port. It ends, and its folder goes, as soon as the process that
// started it ends, however that happens.
package postgres
