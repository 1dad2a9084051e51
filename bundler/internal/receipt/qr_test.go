package receipt

import (
	"bytes"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
)

// TestPaper prints a receipt, photographs it and opens what was read.
func TestPaper(t *testing.T) {
	t.Parallel()
	for _, kind := range []signing.Kind{signing.Ed25519, signing.ECDSAP384} {
		s, keys := signer(t, kind)
		text := signed(t, example(t), s)
		codes, err := Codes(text)
		if err != nil {
			t.Fatal(err)
		}
		var scanned []string
		for _, code := range codes {
			if got := scan(t, code.PNG()); got != code.Text {
				t.Fatalf("scanned %q, want %q", got, code.Text)
			}
			scanned = append(scanned, code.Text)
		}
		if len(codes) < 2 {
			t.Errorf("%d codes: nothing to join", len(codes))
		}
		for seed := range uint64(10) {
			r := rand.New(rand.NewPCG(seed, 0))
			again := append(slices.Clone(scanned), scanned[0]+"\n")
			r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
			joined, err := Join(again)
			if err != nil || !bytes.Equal(joined, text) {
				t.Fatalf("joined %q, %v", joined, err)
			}
		}
		if _, err := Open(text, keys); err != nil {
			t.Error(err)
		}
	}
}

// scan reads a QR code with another implementation.
func scan(t *testing.T, picture []byte) string {
	t.Helper()
	image, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(image)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]interface{}{gozxing.DecodeHintType_PURE_BARCODE: true})
	if err != nil {
		t.Fatal(err)
	}
	return result.GetText()
}

// otherLetter is a letter of the alphabet of base32 that this one is not.
func otherLetter(letter byte) string {
	if letter == 'A' {
		return "B"
	}
	return "A"
}

func TestCodesOfDifferentReceiptsDoNotMix(t *testing.T) {
	t.Parallel()
	s, _ := signer(t, signing.Ed25519)
	var texts [2][]string
	for i := range texts {
		r := example(t)
		r.Sequence += i
		codes, err := Codes(signed(t, r, s))
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codes {
			texts[i] = append(texts[i], code.Text)
		}
	}
	last := len(texts[0]) - 1
	for name, scanned := range map[string][]string{
		"two receipts":   append(slices.Clone(texts[0][:last]), texts[1][last]),
		"one missing":    texts[0][1:],
		"none":           nil,
		"a letter wrong": append(slices.Clone(texts[0][:last]), texts[0][last][:30]+otherLetter(texts[0][last][30])+texts[0][last][31:]),
		"not a code":     {"https://evil.example/"},
		"count zero":     {"DMR1/1/0/00000000:AA"},
		"beyond count":   {"DMR1/2/1/00000000:AA"},
	} {
		if text, err := Join(scanned); err == nil {
			t.Errorf("%s: joined to %q", name, text)
		} else if name == "two receipts" && !strings.Contains(err.Error(), "another receipt") {
			t.Errorf("%s: %v", name, err)
		}
	}
	one, err := Codes([]byte("a")) // ME, whose last two bits mean nothing
	if err != nil || !strings.HasSuffix(one[0].Text, ":ME") {
		t.Fatalf("%v, %v", one, err)
	}
	if text, err := Join([]string{strings.TrimSuffix(one[0].Text, "E") + "F"}); err == nil {
		t.Errorf("loose bits: joined to %q", text)
	}
	if _, err := Codes(make([]byte, MaxBytes+1)); err == nil {
		t.Error("codes are made of more than a receipt")
	}
	if codes, err := Codes(bytes.Repeat([]byte("a"), MaxBytes)); err != nil || len(codes) != maxParts {
		t.Errorf("the largest receipt makes %d codes, %v", len(codes), err)
	}
}

// TestTerminal reads the art back module by module.
func TestTerminal(t *testing.T) {
	t.Parallel()
	codes, err := Codes([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	for _, inverse := range []bool{false, true} {
		for row, line := range strings.Split(strings.TrimSuffix(codes[0].Terminal(inverse), "\n"), "\n") {
			for column, r := range []rune(line) {
				x, y := column-quiet, 2*row-quiet
				upper := r == '▀' || r == '█'
				lower := r == '▄' || r == '█'
				if upper != (codes[0].code.Black(x, y) == inverse) || y+1 < codes[0].code.Size+quiet && lower != (codes[0].code.Black(x, y+1) == inverse) {
					t.Fatalf("inverse %t: module %d,%d is drawn as %q", inverse, x, y, r)
				}
			}
		}
	}
}
