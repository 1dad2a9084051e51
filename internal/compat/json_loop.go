package compat

import "github.com/santhosh-tekuri/jsonschema/v6"

// findLoop is the location of a schema that applies itself to the same value
// again, through references and combining keywords alone, "" when there is
// none. The walk visits each schema once.
func findLoop(root *jsonschema.Schema) string {
	w := loopWalk{state: map[*jsonschema.Schema]bool{}}
	w.all(root)
	return w.loop
}

type loopWalk struct {
	state map[*jsonschema.Schema]bool // true while its in-place schemas are being walked
	queue []*jsonschema.Schema
	loop  string
}

func (w *loopWalk) all(root *jsonschema.Schema) {
	seen := map[*jsonschema.Schema]bool{root: true}
	w.queue = []*jsonschema.Schema{root}
	for len(w.queue) > 0 && w.loop == "" {
		s := w.queue[len(w.queue)-1]
		w.queue = w.queue[:len(w.queue)-1]
		w.inPlace(s)
		for _, sub := range append(inPlaceSchemas(s), deeperSchemas(s)...) {
			if !seen[sub] {
				seen[sub] = true
				w.queue = append(w.queue, sub)
			}
		}
	}
}

func (w *loopWalk) inPlace(s *jsonschema.Schema) {
	if active, visited := w.state[s]; visited {
		if active && w.loop == "" {
			w.loop = s.Location
		}
		return
	}
	w.state[s] = true
	for _, sub := range inPlaceSchemas(s) {
		w.inPlace(sub)
	}
	w.state[s] = false
}

// inPlaceSchemas apply to the same value as s.
func inPlaceSchemas(s *jsonschema.Schema) []*jsonschema.Schema {
	list := present(s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else)
	if s.DynamicRef != nil {
		list = append(list, present(s.DynamicRef.Ref)...)
	}
	list = append(list, s.AllOf...)
	list = append(list, s.AnyOf...)
	list = append(list, s.OneOf...)
	for _, sub := range s.DependentSchemas {
		list = append(list, sub)
	}
	for _, sub := range s.Dependencies {
		list = append(list, asSchemas(sub)...)
	}
	return list
}

// deeperSchemas apply to a part of the value of s.
func deeperSchemas(s *jsonschema.Schema) []*jsonschema.Schema {
	list := present(s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema)
	list = append(list, s.PrefixItems...)
	for _, sub := range s.Properties {
		list = append(list, sub)
	}
	for _, sub := range s.PatternProperties {
		list = append(list, sub)
	}
	for _, either := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		list = append(list, asSchemas(either)...)
	}
	return list
}

func asSchemas(v any) []*jsonschema.Schema {
	switch v := v.(type) {
	case *jsonschema.Schema:
		return present(v)
	case []*jsonschema.Schema:
		return v
	}
	return nil
}

func present(list ...*jsonschema.Schema) []*jsonschema.Schema {
	var out []*jsonschema.Schema
	for _, s := range list {
		if s != nil {
			out = append(out, s)
		}
	}
	return out
}
