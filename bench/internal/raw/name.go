package raw

import (
	"strings"

	"golang.org/x/perf/benchfmt"
)

// Name is a benchmark's name taken apart, as a family and elements key=value.
type Name struct {
	Full   string
	Family string
	Keys   map[string]string
}

// Parse takes a name apart.
func Parse(full string) Name {
	family, parts := benchfmt.Name(full).Parts()
	n := Name{full, string(family), map[string]string{}}
	for _, part := range parts {
		if key, value, ok := strings.Cut(string(part), "="); ok {
			n.Keys[strings.TrimPrefix(key, "/")] = value
		}
	}
	return n
}

// Is reports whether the benchmark is of the family and has these values. A
// value of "" means that the benchmark does not have the key.
func (n Name) Is(family string, where map[string]string) bool {
	if n.Family != family {
		return false
	}
	for key, value := range where {
		if n.Keys[key] != value {
			return false
		}
	}
	return true
}

// Label joins the values of keys, but for those that the name does not have.
func (n Name) Label(keys []string) string {
	var values []string
	for _, key := range keys {
		if value := n.Keys[key]; value != "" {
			values = append(values, value)
		}
	}
	return strings.Join(values, ", ")
}

// With returns the name of the same benchmark with another value for a key.
func (n Name) With(key, value string) string {
	parts := strings.Split(n.Full, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, key+"=") {
			parts[i] = key + "=" + value
		}
	}
	return strings.Join(parts, "/")
}

// Printed returns the name of a benchmark in its source. A printed name ends in
// the number of processors.
func Printed(full benchfmt.Name) string {
	_, parts := full.Parts()
	if n := len(parts); n > 0 && parts[n-1][0] == '-' {
		full = full[:len(full)-len(parts[n-1])]
	}
	return full.String()
}
