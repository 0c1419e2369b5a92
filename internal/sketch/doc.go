// Package sketch keeps a window of durations as pairs of a mean and a weight.
// Sketches of several windows can be merged, and the result still has
// quantiles. The pairs of a small window are its samples. The pairs of a large
// window are the centroids of a t-digest (Ted Dunning, Computing Extremely
// Accurate Quantiles Using t-Digests, 2019).
package sketch
