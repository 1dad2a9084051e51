package provider

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/meshwright/terraform-provider-datamesh/internal/client"
)

// httpLog is the log subsystem of requests. TF_LOG_PROVIDER_DATAMESH_HTTP sets
// its level apart from the rest.
const httpLog = "http"

// secrets is what must not get into a log by whatever way: bearer tokens and
// anything that looks like a JWT.
var secrets = []*regexp.Regexp{
	regexp.MustCompile(`(?i)bearer\s+[^\s"]+`),
	regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`),
}

// logAttempt writes one request of the client. Waits are warnings, for a user
// who wonders why nothing moves.
func logAttempt(ctx context.Context, a client.Attempt) {
	ctx = httpLogger(ctx)
	fields := map[string]any{
		"method": a.Method, "path": a.Path, "attempt": a.Number, "trace_id": a.TraceID,
		"duration_ms": a.Duration.Milliseconds(),
	}
	if a.Status != 0 {
		fields["status"] = a.Status
	}
	if a.RequestID != "" {
		fields["request_id"] = a.RequestID
	}
	if a.Err != nil {
		fields["error"] = a.Err.Error()
	}
	if a.Wait > 0 {
		fields["wait_ms"] = a.Wait.Milliseconds()
		tflog.SubsystemWarn(ctx, httpLog, "the platform did not answer as hoped: trying again after a wait", fields)
		return
	}
	tflog.SubsystemDebug(ctx, httpLog, "request", fields)
}

func httpLogger(ctx context.Context) context.Context {
	ctx = tflog.NewSubsystem(ctx, httpLog, tflog.WithLevelFromEnv("TF_LOG_PROVIDER_DATAMESH", "HTTP"))
	ctx = tflog.SubsystemMaskFieldValuesWithFieldKeys(ctx, httpLog, "authorization", "token")
	ctx = tflog.SubsystemMaskAllFieldValuesRegexes(ctx, httpLog, secrets...)
	return tflog.SubsystemMaskMessageRegexes(ctx, httpLog, secrets...)
}
