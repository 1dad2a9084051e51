package sqlstore

import (
	"context"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Versions implements [store.Reader].
func (s *session) Versions(ctx context.Context, schema string) ([]catalog.SchemaVersion, error) {
	found, err := collect(ctx, s, scanVersion, selectVersions, schema)
	if err != nil {
		return nil, fmt.Errorf("versions of schema %q: %w", schema, err)
	}
	return found, nil
}

func scanVersion(row scanner) (catalog.SchemaVersion, error) {
	var v catalog.SchemaVersion
	err := row.Scan(&v.Version, &v.Definition, &v.Created)
	return v, err
}

// AddVersion implements [store.Writer].
func (s *session) AddVersion(ctx context.Context, schema string, v catalog.SchemaVersion) error {
	_, err := s.exec(ctx, `INSERT INTO schema_versions (schema_id, version, definition, created) VALUES (?, ?, ?, ?)`,
		schema, v.Version, v.Definition, v.Created)
	if err != nil {
		return fmt.Errorf("add version %d of schema %q: %w", v.Version, schema, err)
	}
	return nil
}
