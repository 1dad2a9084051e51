package records

// geoJSON filters a FeatureCollection, or one Feature: a withheld one leaves an
// empty collection.
func (s *stream) geoJSON(path []string) error {
	features := &marked{stream: s, path: append([]string{"properties"}, path...), parts: []string{"features"}}
	c := &collection{
		stream: s, kind: "FeatureCollection", list: "features",
		passing: map[string]byte{"type": '"', "name": '"', "crs": '{'},
		records: features,
	}
	c.whole = features.single
	return c.filter()
}

// marked decides by a text in the record itself.
type marked struct {
	*stream
	path  []string
	parts []string // arrays of what has marks of its own
	found lookup
}

func (m *marked) read(s *scanner) error {
	m.found = lookup{}
	return s.find(m.path, m.parts, 2, &m.found)
}

func (m *marked) admit() (bool, error) {
	return m.admitted(m.found.mark()), nil
}

// single is a Feature by itself. The last byte is left for the end.
func (m *marked) single(object []byte) error {
	if string(markAt(object, []string{"type"})) != "Feature" {
		return malformed("it is neither a FeatureCollection nor a Feature")
	}
	if err := m.read(&scanner{b: object}); err != nil {
		return err
	}
	delivered, _ := m.admit()
	m.count(delivered)
	if !delivered {
		object = []byte(`{"type":"FeatureCollection","features":[` + "\n]}")
	}
	_, _ = m.out.Write(object[:len(object)-1]) // the error stays
	return nil
}
