package httpwrap

import (
	"fmt"
	"net/http"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
)

// StatusError is the failure of a request that was answered with this status.
// Config.Ignore and the collector's classifier get it.
type StatusError int

// Error returns the status as HTTP writes it, such as "504 Gateway Timeout".
func (e StatusError) Error() string { return fmt.Sprintf("%d %s", int(e), http.StatusText(int(e))) }

// ErrorCategory returns CategoryTimeout for 408 and 504, and CategoryValidation
// for 400 and 422. It returns CategoryNetwork for 502, because a server further
// on was not reachable or hung up. It returns CategoryOther for the rest.
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
