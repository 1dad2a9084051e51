package connect

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// revisionKey is where private state keeps the revision that was read when a
// plan was made. It is no attribute: as one, it would be drift.
const revisionKey = "revision"

type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// loadRevision is "" when there is none, as in state from before an import.
func loadRevision(ctx context.Context, private privateReader) (string, diag.Diagnostics) {
	text, d := private.GetKey(ctx, revisionKey)
	var revision string
	if len(text) > 0 && json.Unmarshal(text, &revision) != nil {
		return "", d // not written by this provider: as good as none
	}
	return revision, d
}

func saveRevision(ctx context.Context, private privateWriter, revision string) diag.Diagnostics {
	text, err := json.Marshal(revision)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot keep the revision", err.Error())}
	}
	return private.SetKey(ctx, revisionKey, text)
}

// same reports whether two objects in normal form are equal in every field.
func same(a, b catalog.Object) bool {
	first, errA := json.Marshal(a)
	second, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(first, second)
}
