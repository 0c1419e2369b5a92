// Package sketch keeps a window of durations as pairs of a mean and a weight, which can be merged with those of other
// windows and still answer for quantiles: the samples themselves while they are few, the centroids of a t-digest (Ted
// Dunning, Computing Extremely Accurate Quantiles Using t-Digests, 2019) when they are many.
package sketch
