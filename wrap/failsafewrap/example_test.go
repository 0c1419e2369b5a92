package failsafewrap_test

import (
	"errors"
	"fmt"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"github.com/nodemetrics/nodemetrics/atomicmetrics"
	"github.com/nodemetrics/nodemetrics/wrap/failsafewrap"
)

// Example measures a function under a retry policy. As the first policy of the
// executor, fetch records each call.
func Example() {
	metrics, err := atomicmetrics.New()
	if err != nil {
		panic(err)
	}
	fetch := failsafewrap.Policy[string](failsafewrap.Config{Node: metrics.Node("fetch")})
	retry := failsafe.Policy[string](retrypolicy.NewBuilder[string]().WithMaxAttempts(3).Build())

	attempts := 0
	page, err := failsafe.With(fetch, retry).Get(func() (string, error) {
		if attempts++; attempts < 3 {
			return "", errors.New("not yet")
		}
		return "home", nil
	})
	fmt.Println(page, err)

	m := metrics.NodeMetrics("fetch")
	fmt.Println(m.TotalExecutions, "execution,", m.SuccessCount, "success,", m.RetryCount, "retries")
	// Output:
	// home <nil>
	// 1 execution, 1 success, 2 retries
}
