//go:build !amd64 || race || nodemetrics_portable

package atomicmetrics_test

const plainStores = false
