// Command openapi writes the description of the REST API, OpenAPI 3.1, from
// the wire's route table and the Go types of the bodies. What it says of a type
// or field is the comment of that type or field, so it cannot go stale alone.
//
//	openapi -root DIR FILE...
//
// DIR is the root of the module. Each FILE receives the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", ".", "root `directory` of the module")
	flag.Parse()
	if err := run(*root, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

func run(root string, files []string) error {
	text, err := document(root)
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.WriteFile(file, text, 0o644); err != nil { //nolint:gosec // documentation is for everybody
			return fmt.Errorf("write the description: %w", err)
		}
	}
	return nil
}
