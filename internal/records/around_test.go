package records_test

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// TestWhatIsComputedFromTheWithheld, and stands beside the features, does not
// pass, however the source writes it.
func TestWhatIsComputedFromTheWithheld(t *testing.T) {
	t.Parallel()
	system := `"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}}`
	for name, around := range map[string][2]string{
		"a name":            {`"name":"CANARY: 2 tracks",`, ""},
		"a box":             {`"bbox":[4.35,50.85,"CANARY"],`, ""},
		"foreign members":   {`"numberMatched":2,"CANARY":[{"bbox":[1,2,3,4]}],`, `,"properties":{"n":"CANARY"},"timeStamp":"CANARY"`},
		"a type spelled":    {`"\u0074ype":"Feature\u0043ollection","type ":"CANARY",`, ""},
		"a system":          {`"crs":{"CANARY":2,"type":"name","properties":{"CANARY":{},"name":"urn:ogc:def:crs:OGC:1.3:CRS84"},"bbox":"CANARY"},`, ""},
		"a system, behind":  {"", `,"crs" : { "properties" : {"n":"CANARY", "n\u0061me":"urn:ogc:def:crs:OGC:1.3:CRS84"}, "type":"n\u0061me"}`},
		"a system of links": {`"crs":{"type":"link","properties":{"href":"https://h.example/CANARY"}},`, ""},
		"a system in words": {`"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4326 CANARY"}},`, ""},
		"a long code":       {`"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::431000000"}},`, ""},
		"two names":         {`"crs":{"type":"name","properties":{"name":"EPSG:4326","name":"EPSG:3857"}},`, ""},
		"a system as text":  {`"crs":"EPSG:4326",`, ""},
	} {
		kind := `"type":"FeatureCollection",`
		if name == "a type spelled" {
			kind = ""
		}
		in := "{" + kind + around[0] + `"features":[` + seen + "," + hidden + "]" + around[1] + "}"
		want := stream{property: "marking", in: in, out: collectionOf(seen), withheld: 1}
		switch name {
		case "a system":
			want.out = `{"type":"FeatureCollection",` + system + `,"features":[` + joined([]string{seen}) + "\n]}\n"
		case "a system, behind":
			want.out = `{"type":"FeatureCollection","features":[` + joined([]string{seen}) + "\n]," + system + "}\n"
		case "a system of links", "a system in words", "a long code", "two names", "a system as text": // the features would lie elsewhere without it
			want.malformed = true
		}
		check(t, records.GeoJSON, map[string]stream{name: want})
	}
}

// TestCoordinateReferenceSystems of which files are made pass.
func TestCoordinateReferenceSystems(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "urn:ogc:def:crs:EPSG::3857", "urn:ogc:def:crs:EPSG:6.9:32633", "EPSG:4326",
		"http://www.opengis.net/def/crs/EPSG/0/4258", "https://www.opengis.net/def/crs/OGC/1.3/CRS84",
	} {
		in := `{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"` + name + `"}},"features":[` + "\n]}\n"
		check(t, records.GeoJSON, map[string]stream{name: {property: "marking", in: in, out: in}})
	}
}
