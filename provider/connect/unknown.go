package connect

import (
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// unknowns are the JSON pointers of values that are not known before apply.
type unknowns []string

// unknownIn lists the unknown values of a configuration. An unknown element of
// a set makes the whole set unknown: it has no index yet.
func unknownIn(config tftypes.Value) unknowns {
	var out unknowns
	if config.IsFullyKnown() {
		return nil
	}
	_ = tftypes.Walk(config, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if !v.IsKnown() {
			out = append(out, pointer(at))
			return false, nil
		}
		return true, nil
	}) // the callback never fails
	return out
}

func pointer(at *tftypes.AttributePath) string {
	var parts []string
	for _, step := range at.Steps() {
		switch step := step.(type) {
		case tftypes.AttributeName:
			parts = append(parts, string(step))
		case tftypes.ElementKeyString:
			parts = append(parts, string(step))
		case tftypes.ElementKeyInt:
			parts = append(parts, strconv.FormatInt(int64(step), 10))
		default:
			return catalog.PointerTo(parts...)
		}
	}
	return catalog.PointerTo(parts...)
}

// touch reports whether the value at the pointer is unknown, part of an
// unknown one, or has an unknown part.
func (u unknowns) touch(pointer string) bool {
	for _, unknown := range u {
		if within(pointer, unknown) || within(unknown, pointer) {
			return true
		}
	}
	return false
}

func within(inner, outer string) bool {
	return inner == outer || strings.HasPrefix(inner, outer+"/")
}

// known leaves out the problems that an unknown value may still resolve.
func (u unknowns) known(problems []catalog.Problem) []catalog.Problem {
	var out []catalog.Problem
	for _, p := range problems {
		if !u.touch(p.Field) {
			out = append(out, p)
		}
	}
	return out
}
