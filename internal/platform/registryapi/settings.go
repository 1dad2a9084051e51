package registryapi

import (
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// configBody is a configuration in an answer.
type configBody struct {
	Level catalog.Compatibility `json:"compatibilityLevel,omitempty"`
	// Changed is the level under the name that requests have: the answer to a
	// change, and to a deletion for clients that look for it there.
	Changed   catalog.Compatibility `json:"compatibility,omitempty"`
	Normalize *bool                 `json:"normalize,omitempty"`
}

// modeBody is a mode in an answer.
type modeBody struct {
	Mode catalog.RegistryMode `json:"mode,omitempty"`
}

// config answers with what is set at the scope, or with what holds there.
func (c *call) config() ([]byte, error) {
	settings, err := c.settings()
	if err != nil {
		return nil, err
	}
	if settings.Compatibility == "" && settings.Normalize == nil {
		return nil, refuse(codeConfigNotFound, "Subject '"+c.subject.String()+"' does not have subject-level compatibility configured")
	}
	return encode(configBody{Level: settings.Compatibility, Normalize: settings.Normalize})
}

// settings are those in force for the whole registry or where the query asks
// for them, else those that are set.
func (c *call) settings() (catalog.SubjectSettings, error) {
	q := c.query()
	inForce := q.flag("defaultToGlobal")
	if q.err != nil {
		return catalog.SubjectSettings{}, q.err
	}
	if inForce || c.subject == (catalog.Scope{}) {
		return c.registry.Effective(c.ctx, c.subject)
	}
	return c.registry.Settings(c.ctx, c.subject)
}

// setConfig answers with what was set.
func (c *call) setConfig() ([]byte, error) {
	body, err := c.object()
	if err != nil {
		return nil, err
	}
	settings, err := decodeConfig(body)
	if err != nil {
		return nil, err
	}
	if err := c.registry.Configure(c.ctx, c.subject, catalog.SettingsChange{Set: settings}); err != nil {
		return nil, err
	}
	return encode(configBody{Changed: settings.Compatibility, Normalize: settings.Normalize})
}

// deleteConfig answers with what was set before.
func (c *call) deleteConfig() ([]byte, error) {
	before, err := c.settings()
	if err == nil && before.Compatibility == "" && before.Normalize == nil {
		err = refuse(codeSubjectNotFound, c.message(codeSubjectNotFound, nil))
	}
	if err != nil {
		return nil, err
	}
	if err := c.registry.Configure(c.ctx, c.subject, catalog.SettingsChange{ClearCompatibility: true}); err != nil {
		return nil, err
	}
	return encode(configBody{Level: before.Compatibility, Changed: before.Compatibility, Normalize: before.Normalize})
}

// mode answers with what is set at the scope, or with what holds there.
func (c *call) mode() ([]byte, error) {
	settings, err := c.settings()
	if err == nil && settings.Mode == "" {
		err = refuse(codeModeNotFound, "Subject '"+c.subject.String()+"' does not have subject-level mode configured")
	}
	if err != nil {
		return nil, err
	}
	return encode(modeBody{settings.Mode})
}

// setMode answers with what was set.
func (c *call) setMode() ([]byte, error) {
	q := c.query()
	force := q.flag("force")
	if q.err != nil {
		return nil, q.err
	}
	body, err := c.object()
	if err != nil {
		return nil, err
	}
	mode, err := decodeMode(body)
	if err != nil {
		return nil, err
	}
	change := catalog.SettingsChange{Set: catalog.SubjectSettings{Mode: mode}, Force: force}
	if err := c.registry.Configure(c.ctx, c.subject, change); err != nil {
		return nil, err
	}
	return encode(modeBody{mode})
}

// deleteMode answers with what was set before.
func (c *call) deleteMode() ([]byte, error) {
	q := c.query()
	recursive := q.flag("recursive")
	if q.err != nil {
		return nil, q.err
	}
	before, err := c.settings()
	if err == nil && before.Mode == "" && !recursive {
		err = refuse(codeSubjectNotFound, c.message(codeSubjectNotFound, nil))
	}
	if err != nil {
		return nil, err
	}
	change := catalog.SettingsChange{ClearMode: true, Recursive: recursive}
	if err := c.registry.Configure(c.ctx, c.subject, change); err != nil {
		return nil, err
	}
	return encode(modeBody{before.Mode})
}

// contexts lists the contexts.
func (c *call) contexts() ([]byte, error) {
	q := c.query()
	page := q.page()
	if q.err != nil {
		return nil, q.err
	}
	found, err := c.registry.Contexts(c.ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, context := range found {
		if name := contextName(context); strings.HasPrefix(name, c.values.Get("contextPrefix")) {
			names = append(names, name)
		}
	}
	return list(cut(names, page))
}

// deleteContext removes the settings of a context that holds no subject, not
// even a deleted one. There is nothing else to a context.
func (c *call) deleteContext() ([]byte, error) {
	if c.subject.Context == "" {
		return nil, refuse(codeNotPermitted, "The default context cannot be deleted.")
	}
	query := catalog.RegistryQuery{Context: c.subject.Context, Deleted: true, WithoutText: true, Limit: 1}
	found, err := c.registry.Registrations(c.ctx, query)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return nil, refuse(codeContextNotEmpty, "The context '"+contextName(c.subject.Context)+"' is not empty: delete its subjects for ever first.")
	}
	return nil, c.registry.Configure(c.ctx, c.subject, catalog.SettingsChange{ClearCompatibility: true, ClearMode: true, Recursive: true})
}

// root says that the API is there.
func (c *call) root() ([]byte, error) { return []byte("{}"), nil }

// metadataID names the registry as Confluent's clients expect it. There is no
// Kafka cluster behind it.
func (c *call) metadataID() ([]byte, error) {
	return []byte(`{"id":"","scope":{"path":[],"clusters":{"schema-registry-cluster":"datamesh"}}}`), nil
}

// metadataVersion is the version of the server.
func (c *call) metadataVersion() ([]byte, error) {
	return encode(struct {
		Version string `json:"version"`
		Commit  string `json:"commitId"`
	}{c.Version, ""})
}
