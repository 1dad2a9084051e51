package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Settings implements [store.RegistryReader].
func (s *session) Settings(ctx context.Context, scope catalog.Scope) (catalog.SubjectSettings, error) {
	found, err := collect(ctx, s, scanSettings, selectSettings, scope.Context, scope.Name)
	if err != nil || len(found) == 0 {
		return catalog.SubjectSettings{}, err
	}
	return found[0], nil
}

func scanSettings(row scanner) (catalog.SubjectSettings, error) {
	var settings catalog.SubjectSettings
	var normalize sql.NullInt64
	err := row.Scan(&settings.Compatibility, &settings.Mode, &normalize)
	if normalize.Valid {
		settings.Normalize = new(normalize.Int64 != 0)
	}
	return settings, err
}

// PutSettings implements [store.SettingsWriter]. A scope without settings has
// no row.
func (s *session) PutSettings(ctx context.Context, scope catalog.Scope, settings catalog.SubjectSettings) error {
	var normalize any
	if settings.Normalize != nil {
		normalize = 0
		if *settings.Normalize {
			normalize = 1
		}
	}
	query, args := upsertSettings, []any{scope.Context, scope.Name, string(settings.Compatibility), string(settings.Mode), normalize}
	if settings == (catalog.SubjectSettings{}) {
		query, args = `DELETE FROM registry_settings WHERE context = ? AND subject = ?`, args[:2]
	}
	if _, err := s.exec(ctx, query, args...); err != nil {
		return fmt.Errorf("put the settings of %q: %w", scope, err)
	}
	return nil
}

// ScopesBelow implements [store.SettingsWriter].
func (s *session) ScopesBelow(ctx context.Context, scope catalog.Scope) ([]catalog.Scope, error) {
	if scope.Name != "" {
		return nil, nil
	}
	query, args := selectScopesOf, []any{scope.Context}
	if scope.Context == "" {
		query, args = selectScopes, nil
	}
	found, err := collect(ctx, s, scanScope, query, append(args, catalog.MaxRegistrations)...)
	if err != nil {
		return nil, fmt.Errorf("scopes below %q: %w", scope, err)
	}
	return found, nil
}

func scanScope(row scanner) (catalog.Scope, error) {
	var scope catalog.Scope
	err := row.Scan(&scope.Context, &scope.Name)
	return scope, err
}
