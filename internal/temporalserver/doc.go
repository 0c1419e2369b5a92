// Package temporalserver tests package temporalwrap on Temporal's own server,
// with several worker processes. It is a module of its own, because it takes
// minutes to compile that server.
package temporalserver
