package records

import (
	"fmt"
	"regexp"
)

// systems are the names of coordinate reference systems that pass, as OGC and its
// GeoJSON 2008 wrote them: a registry, a version and a code, too short for much else.
var systems = regexp.MustCompile(`^(urn:ogc:def:crs:[A-Za-z]{1,8}:[0-9.]{0,8}:[A-Za-z0-9]{1,8}|https?://www\.opengis\.net/def/crs/[A-Za-z]{1,8}/[0-9.]{1,8}/[A-Za-z0-9]{1,8}|EPSG:[0-9]{4,6})$`)

// coordinateSystem is the form of "crs", which RFC 7946 has no more (section 4) and
// many files have still. Without it the features would lie elsewhere, so one that
// cannot pass ends the stream.
func coordinateSystem(value []byte) ([]byte, error) {
	if string(value) == "null" {
		return value, nil
	}
	var name []byte
	if value[0] == '{' && string(markAt(value, []string{"type"})) == "name" {
		name = markAt(value, []string{"properties", "name"})
	}
	if !systems.Match(name) {
		return nil, malformed("its crs is not the name of a coordinate reference system")
	}
	return fmt.Appendf(nil, `{"type":"name","properties":{"name":"%s"}}`, name), nil
}

// geoJSON filters a FeatureCollection, or one Feature: a withheld one leaves an
// empty collection.
func (s *stream) geoJSON(path []string) error {
	features := &marked{stream: s, path: append([]string{"properties"}, path...), parts: []string{"features"}}
	c := &collection{
		stream: s, kind: "FeatureCollection", list: "features",
		passing: map[string]form{"type": only("FeatureCollection"), "crs": coordinateSystem},
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
