package httpwrap

import (
	"fmt"
	"net/http"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// StatusError is the failure of a request that was answered with this status: what Config.Ignore and the collector's
// classifier are asked about.
type StatusError int

// Error returns the status as HTTP writes it, "504 Gateway Timeout".
func (e StatusError) Error() string { return fmt.Sprintf("%d %s", int(e), http.StatusText(int(e))) }

// ErrorCategory is CategoryTimeout for 408 and 504, CategoryNetwork for 502, which says that a server further on could
// not be reached or hung up, CategoryValidation for 400 and 422, and CategoryOther for the rest.
func (e StatusError) ErrorCategory() atomicmetrics.Category {
	switch int(e) {
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return atomicmetrics.CategoryTimeout
	case http.StatusBadGateway:
		return atomicmetrics.CategoryNetwork
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return atomicmetrics.CategoryValidation
	}
	return atomicmetrics.CategoryOther
}
