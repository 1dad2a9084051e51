package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCodeIsExplained: a code that the documentation lists is one that an
// accreditor meets in the log, and audit explain says what it stands for.
func TestEveryCodeIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	_, decided, found := strings.Cut(string(text), "\n## What is decided\n")
	decided, _, _ = strings.Cut(decided, "\n## ")
	listed := 0
	for _, row := range regexp.MustCompile(`(?m)^\| (`+"`"+`[^|]+) \|`).FindAllStringSubmatch(decided, -1) {
		for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			listed++
			if ruleOf(strings.ReplaceAll(code[1], "<token>", "SI-G")) == "" {
				t.Errorf("%s: no rule", code[1])
			}
		}
	}
	if want := len(rules) + 1; !found || listed != want {
		t.Errorf("the documentation lists %d codes, want the %d that have a rule", listed, want)
	}
}
