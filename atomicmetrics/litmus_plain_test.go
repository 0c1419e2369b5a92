//go:build amd64 && !race && !nodemetrics_portable

package atomicmetrics_test

// plainStores says whether a recorder's stores may reach memory after its later
// loads.
const plainStores = true
