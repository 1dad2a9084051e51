package connect

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/meshwright/terraform-provider-datamesh/internal/client"
)

// operation reads the time that one operation may take.
type operation func(timeouts.Value, context.Context) (time.Duration, diag.Diagnostics)

func forCreate(t timeouts.Value, ctx context.Context) (time.Duration, diag.Diagnostics) {
	return t.Create(ctx, 10*time.Minute)
}

func forRead(t timeouts.Value, ctx context.Context) (time.Duration, diag.Diagnostics) {
	return t.Read(ctx, 5*time.Minute)
}

func forUpdate(t timeouts.Value, ctx context.Context) (time.Duration, diag.Diagnostics) {
	return t.Update(ctx, 10*time.Minute)
}

func forDelete(t timeouts.Value, ctx context.Context) (time.Duration, diag.Diagnostics) {
	return t.Delete(ctx, 10*time.Minute)
}

// attributes is a plan or state.
type attributes interface {
	GetAttribute(ctx context.Context, at path.Path, target any) diag.Diagnostics
}

// deadline bounds the context of one operation by the timeouts attribute and
// starts its trace.
func deadline(ctx context.Context, from attributes, op operation) (context.Context, context.CancelFunc, diag.Diagnostics) {
	var value timeouts.Value
	out := from.GetAttribute(ctx, path.Root("timeouts"), &value)
	span, d := op(value, ctx)
	out.Append(d...)
	ctx, cancel := context.WithTimeout(client.StartTrace(ctx), span)
	return ctx, cancel, out
}
