package compat

import "errors"

var protoAdvice = map[string]advice{}

func protoReads(reader, writer *Schema) ([]Incompatibility, error) { return nil, errors.New("no rules") }
