package provider

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/meshwright/terraform-provider-datamesh/internal/client"
)

// Attack: a proxy or a library repeats a header in an error text, and the log
// of a plan is pasted into a ticket.
func TestLogsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	const jwt = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	for _, text := range []string{"sent Authorization: Bearer hush-hush", "bearer hush-hush", "token " + jwt + " refused"} {
		var out bytes.Buffer
		ctx := tflogtest.RootLogger(t.Context(), &out)
		logAttempt(ctx, client.Attempt{Method: "GET", Path: "/api/v1/domains", Number: 1, Err: errors.New(text), Wait: time.Second})
		got := out.String()
		if !strings.Contains(got, "/api/v1/domains") || !strings.Contains(got, "wait_ms") || !strings.Contains(got, `"@level":"warn"`) {
			t.Errorf("got %q, want a warning with the path and the wait", got)
		}
		if strings.Contains(got, "hush") || strings.Contains(got, jwt) {
			t.Errorf("the log holds a secret: %q", got)
		}
	}
}
