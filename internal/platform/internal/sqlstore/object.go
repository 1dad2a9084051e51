package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const objectColumns = `kind, id, revision, status, text, body`

func scanObject(row scanner) (store.Record, error) {
	var r store.Record
	err := row.Scan(&r.Ref.Kind, &r.Ref.ID, &r.Revision, &r.Status, &r.Text, &r.Body)
	return r, err
}

// Get implements [store.Reader].
func (s *session) Get(ctx context.Context, ref catalog.Ref) (store.Record, error) {
	found, err := collect(ctx, s, scanObject,
		selectObject, string(ref.Kind), ref.ID)
	if err != nil {
		return store.Record{}, fmt.Errorf("get %s: %w", ref, err)
	}
	if len(found) == 0 {
		return store.Record{}, fmt.Errorf("get %s: %w", ref, store.ErrNotFound)
	}
	return found[0], nil
}

// List implements [store.Reader].
func (s *session) List(ctx context.Context, q store.Query) ([]store.Record, error) {
	if q.Limit <= 0 {
		return nil, fmt.Errorf("list %s: the limit is %d, it must be above zero", q.Kind, q.Limit)
	}
	query, args := listQuery(q)
	found, err := collect(ctx, s, scanObject, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", q.Kind, err)
	}
	return found, nil
}

func listQuery(q store.Query) (string, []any) {
	where := []string{`kind = ?`, `id > ?`}
	args := []any{string(q.Kind), q.After}
	if q.Domain != "" {
		where, args = append(where, `domain = ?`), append(args, q.Domain)
	}
	if q.Status != "" {
		where, args = append(where, `status = ?`), append(args, q.Status)
	}
	for _, word := range q.Words {
		where, args = append(where, `text LIKE ? ESCAPE '\'`), append(args, contains(word))
	}
	return `SELECT ` + objectColumns + ` FROM objects WHERE ` + strings.Join(where, ` AND `) +
		` ORDER BY id LIMIT ?`, append(args, q.Limit)
}

// contains is the LIKE pattern of texts that hold the word as it stands: a
// word of percent signs must not match everything.
func contains(word string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(word) + "%"
}

// Put implements [store.Writer].
func (s *session) Put(ctx context.Context, r store.Record) error {
	change, err := s.referenceChange(ctx, r)
	if err != nil {
		return fmt.Errorf("put %s: %w", r.Ref, err)
	}
	_, err = s.exec(ctx, upsertObject,
		string(r.Ref.Kind), r.Ref.ID, r.Ref.Domain(), r.Ref.Name(), r.Revision, r.Status, r.Text, r.Body)
	if err != nil {
		return fmt.Errorf("put %s: %w", r.Ref, err)
	}
	if err := s.applyReferences(ctx, r.Ref, change); err != nil {
		return fmt.Errorf("put %s: %w", r.Ref, err)
	}
	return nil
}

// Delete implements [store.Writer].
func (s *session) Delete(ctx context.Context, ref catalog.Ref) error {
	dependants, err := s.Dependants(ctx, ref)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if len(dependants) > 0 {
		return fmt.Errorf("delete %s: %w: %s is one of %d", ref, store.ErrInUse, dependants[0], len(dependants))
	}
	if _, err := s.exec(ctx, `DELETE FROM refs WHERE from_kind = ? AND from_id = ?`, string(ref.Kind), ref.ID); err != nil {
		return fmt.Errorf("delete the references of %s: %w", ref, err)
	}
	n, err := s.exec(ctx, `DELETE FROM objects WHERE kind = ? AND id = ?`, string(ref.Kind), ref.ID)
	if err != nil {
		return fmt.Errorf("delete %s: %w", ref, err)
	}
	if n == 0 {
		return fmt.Errorf("delete %s: %w", ref, store.ErrNotFound)
	}
	return nil
}
