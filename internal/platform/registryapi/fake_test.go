package registryapi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// scripted is a registry whose answers a test writes. It notes what it was
// asked. What a test leaves out panics.
type scripted struct {
	catalog.Registry
	contexts      []string
	registrations func(catalog.RegistryQuery) ([]catalog.Registration, error)
	registration  func(catalog.Subject, int, bool) (catalog.Registration, error)
	schema        func(catalog.Subject, int) (catalog.RegisteredSchema, error)
	guid          func(string) (catalog.RegisteredSchema, map[string]int, error)
	register      func(catalog.Subject, catalog.Registering) (catalog.Registration, error)
	find          func(catalog.Subject, catalog.Registering, bool) (catalog.Registration, error)
	compatible    func(catalog.Subject, int, catalog.Registering) ([]catalog.Incompatibility, error)
	remove        func(catalog.Subject, int, bool) ([]int, error)
	settings      func(catalog.Scope) (catalog.SubjectSettings, error)
	effective     func(catalog.Scope) (catalog.SubjectSettings, error)
	configure     func(catalog.Scope, catalog.SettingsChange) error
}

func (s *scripted) Contexts(context.Context) ([]string, error) { return s.contexts, nil }

func (s *scripted) Registrations(_ context.Context, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	return s.registrations(q)
}

func (s *scripted) Registration(_ context.Context, subject catalog.Subject, version int, deleted bool) (catalog.Registration, error) {
	return s.registration(subject, version, deleted)
}

func (s *scripted) ReferencedBy(_ context.Context, subject catalog.Subject, version int) ([]catalog.Registration, error) {
	return []catalog.Registration{{Subject: subject, Version: version, Schema: avro}, {Subject: subject, Version: 9, Schema: avro}, {Deleted: true, Schema: catalog.RegisteredSchema{ID: 8}}}, nil
}

func (s *scripted) SchemaByID(_ context.Context, in catalog.Subject, id int) (catalog.RegisteredSchema, error) {
	return s.schema(in, id)
}

func (s *scripted) SchemaByGUID(_ context.Context, guid string) (catalog.RegisteredSchema, map[string]int, error) {
	return s.guid(guid)
}

func (s *scripted) Register(_ context.Context, subject catalog.Subject, r catalog.Registering) (catalog.Registration, error) {
	return s.register(subject, r)
}

func (s *scripted) Find(_ context.Context, subject catalog.Subject, r catalog.Registering, deleted bool) (catalog.Registration, error) {
	return s.find(subject, r, deleted)
}

func (s *scripted) Compatible(_ context.Context, subject catalog.Subject, version int, r catalog.Registering) ([]catalog.Incompatibility, error) {
	return s.compatible(subject, version, r)
}

func (s *scripted) Remove(_ context.Context, subject catalog.Subject, version int, permanent bool) ([]int, error) {
	return s.remove(subject, version, permanent)
}

func (s *scripted) Settings(_ context.Context, scope catalog.Scope) (catalog.SubjectSettings, error) {
	return s.settings(scope)
}

func (s *scripted) Effective(_ context.Context, scope catalog.Scope) (catalog.SubjectSettings, error) {
	return s.effective(scope)
}

func (s *scripted) Configure(_ context.Context, scope catalog.Scope, change catalog.SettingsChange) error {
	return s.configure(scope, change)
}

// refusing is a catalogue's error with one problem.
func refusing(code catalog.Code, rule string) error {
	return &catalog.Error{Code: code, Message: "The registry says so.", Problems: []catalog.Problem{{Rule: rule, Detail: "A detail.", Fix: "A way out."}}}
}

var avro = catalog.RegisteredSchema{ID: 7, GUID: "0a0b", Type: catalog.SchemaAvro, Definition: `"string"`}

// shelf is a registry that holds version 1 of the subjects s and :.c:s, and
// takes every change.
func shelf() *scripted {
	hold := func(s catalog.Subject) catalog.Registration {
		return catalog.Registration{Subject: s, Version: 1, Schema: avro, Created: "2026-01-02T03:04:05Z"}
	}
	held := []catalog.Subject{{Name: "s"}, {Context: "c", Name: "s"}}
	notFound := refusing(catalog.CodeNotFound, catalog.RuleSubjectNotFound)
	known := func(s catalog.Subject) bool { return s == held[0] || s == held[1] }
	on := true
	return &scripted{
		contexts: []string{"", "c"},
		registrations: func(q catalog.RegistryQuery) (list []catalog.Registration, err error) {
			for _, s := range held {
				one := q.Subject == s || q.Subject == catalog.Subject{} && (q.Context == "*" || q.Context == s.Context)
				if one && strings.HasPrefix(s.Name, q.Prefix) && !q.OnlyDeleted && q.Offset <= len(list) {
					list = append(list, hold(s))
				}
			}
			return list, nil
		},
		registration: func(s catalog.Subject, version int, _ bool) (catalog.Registration, error) {
			switch {
			case !known(s):
				return catalog.Registration{}, notFound
			case version > 1:
				return catalog.Registration{}, refusing(catalog.CodeNotFound, catalog.RuleVersionNotFound)
			}
			return hold(s), nil
		},
		schema: func(in catalog.Subject, id int) (catalog.RegisteredSchema, error) {
			if id != 7 {
				return catalog.RegisteredSchema{}, refusing(catalog.CodeNotFound, catalog.RuleSchemaNotFound)
			}
			return avro, nil
		},
		guid: func(guid string) (catalog.RegisteredSchema, map[string]int, error) {
			if len(guid) > 64 || strings.ContainsAny(guid, "'") {
				return catalog.RegisteredSchema{}, nil, errors.New("what is no GUID reached the registry")
			}
			if guid != avro.GUID {
				return catalog.RegisteredSchema{}, nil, refusing(catalog.CodeNotFound, catalog.RuleSchemaNotFound)
			}
			return avro, map[string]int{"c": 5, "": 7}, nil
		},
		register: func(s catalog.Subject, r catalog.Registering) (catalog.Registration, error) {
			return catalog.Registration{Subject: s, Version: 2, Schema: catalog.RegisteredSchema{ID: 9, Type: r.Type, Definition: r.Definition, References: r.References}}, nil
		},
		find: func(s catalog.Subject, _ catalog.Registering, _ bool) (catalog.Registration, error) {
			if !known(s) {
				return catalog.Registration{}, notFound
			}
			return hold(s), nil
		},
		compatible: func(catalog.Subject, int, catalog.Registering) ([]catalog.Incompatibility, error) { return nil, nil },
		remove:     func(catalog.Subject, int, bool) ([]int, error) { return []int{1}, nil },
		settings: func(scope catalog.Scope) (catalog.SubjectSettings, error) {
			if scope != held[0] {
				return catalog.SubjectSettings{}, nil
			}
			return catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull, Mode: catalog.ModeReadOnly, Normalize: &on}, nil
		},
		effective: func(catalog.Scope) (catalog.SubjectSettings, error) {
			return catalog.SubjectSettings{Compatibility: catalog.CompatibilityBackward, Mode: catalog.ModeReadWrite}, nil
		},
		configure: func(catalog.Scope, catalog.SettingsChange) error { return nil },
	}
}

// serving is a handler over the registry whose callers show the token "good".
func serving(registry catalog.Registry, change ...func(*Options)) http.Handler {
	o := Options{
		Registries: func(catalog.Caller) catalog.Registry { return registry },
		Authenticate: func(r *http.Request) (catalog.Caller, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return catalog.Caller{}, errors.New("the signature of eyJhbGciOi is wrong")
			}
			return catalog.Caller{Subject: "a.stone"}, nil
		},
	}
	for _, f := range change {
		f(&o)
	}
	return New(o)
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends one request with the token. Headers are given as "Name: value"
// lines; one without a value is left out.
func do(h http.Handler, method, target, body string, headers ...string) reply {
	r := httptest.NewRequest(method, Prefix+target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	if body != "" {
		r.Header.Set("Content-Type", answerTypes[0])
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}
