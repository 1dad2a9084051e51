package spec

import (
	"runtime"
	"strings"
	"testing"
)

// heaviest are texts of the largest size that cost a careless reader most.
func heaviest() map[string]string {
	fill := func(unit string) string { return strings.Repeat(unit, (MaxBytes-len(head)-64)/len(unit)) }
	laughs := "images:\n  - &a [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n"
	for c := 'b'; c < 'z'; c++ {
		laughs += "  - &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 9) + "*a]\n"
	}
	return map[string]string{
		"billion laughs":     head + laughs,
		"flow lists":         head + "images: " + fill("["),
		"flow mappings":      head + "images: " + fill("{a: "),
		"hidden flow lists":  head + "images: " + fill("[ #]\n"),
		"compact lists":      head + "images:\n" + fill("- "),
		"explicit keys":      head + fill("? "),
		"nested mappings":    head + "images:\n" + stairs(" a:\n"),
		"nested lists":       head + "images:\n" + stairs(" -\n"),
		"many items":         head + "images: [" + fill("a,") + "]",
		"many keys":          head + "images:\n" + fill("  a: b\n"),
		"one long text":      head + "stream: " + fill("a"),
		"many anchors":       head + "images:\n" + fill("- &a a\n"),
		"unclosed quote":     head + "images: \"" + fill("a\n"),
		"long comment":       head + "#" + fill("a"),
		"many comments":      head + fill("#\n"),
		"tags":               head + "images:\n" + fill("- !a a\n"),
		"directives":         fill("%A b\n"),
		"documents":          fill("---\n"),
		"block text":         head + "stream: |\n" + fill(" a\n"),
		"simple keys":        head + "images: {" + fill("a: b, ") + "}",
		"long indentation":   head + "images:\n" + strings.Repeat(" ", 1000) + "- a\n",
		"more than its size": head + strings.Repeat("#", MaxBytes),
	}
}

// stairs indents each line one deeper than the one before.
func stairs(unit string) string {
	var b strings.Builder
	for i := 0; b.Len()+i+len(unit) < MaxBytes/2; i++ {
		b.WriteString(strings.Repeat(" ", i) + unit)
	}
	return b.String()
}

// TestBillionLaughs and whatever else is heavier than it looks: each text is
// refused, with memory in proportion to the largest text.
func TestBillionLaughs(t *testing.T) {
	for name, text := range heaviest() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := Parse([]byte(text)); err == nil {
				t.Error("is read, want it refused")
			} else if len(err.Error()) > 64<<10 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 512<<20 {
				t.Errorf("allocated %d MiB for %d bytes of text", spent>>20, len(text))
			} else {
				t.Logf("%d MiB", spent>>20)
			}
		})
	}
}

// TestAnAliasIsRefusedItself, not only the anchor that it stands for.
func TestAnAliasIsRefusedItself(t *testing.T) {
	t.Parallel()
	_, err := Parse([]byte(head + "images: [{ref: &a registry.example/a:1}, {ref: *a}]\n"))
	if err == nil || !strings.Contains(err.Error(), "images[0].ref: an anchor") || !strings.Contains(err.Error(), "images[1].ref: an alias") {
		t.Errorf("%v", err)
	}
}
