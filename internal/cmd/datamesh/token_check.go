package main

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
)

// plainGrammar is what names of organisations and groups may be.
var plainGrammar = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)

// checkClaims refuses what no marking could ever be compared with: a typing
// error in a token would otherwise show only as access denied.
func checkClaims(v *marking.Vocabulary, c devissuer.Claims) error {
	a := c.Attributes
	if a.Clearance != "" && !isLevel(v, a.Clearance) {
		return fmt.Errorf("--clearance %.20q is not a level of vocabulary %s: choose from U, R, C, S, TS", a.Clearance, v.Version())
	}
	for _, country := range a.CountryOfAffiliation {
		if country == "NATO" {
			continue // its own staff
		}
		if nations, err := v.Nations([]string{country}); err != nil || !slices.Equal(nations, []string{country}) {
			return fmt.Errorf("--country %.20q is not a nation of vocabulary %s: use GENC trigraphs such as GBR, or NATO", country, v.Version())
		}
	}
	for _, readIn := range a.FineAccessControls {
		if !v.KnownReadIn(readIn) {
			return fmt.Errorf("--access %.40q is not a read-in of vocabulary %s: join control system, compartment and sub-compartment by hyphens, such as SI-G-ABCD", readIn, v.Version())
		}
	}
	for _, purpose := range c.Purposes {
		if err := catalog.CheckName(purpose); err != nil {
			return fmt.Errorf("--purpose is none that a caveat policy could name: %w", err)
		}
	}
	return checkPlain(c)
}

// isLevel asks whether a portion mark of this level alone could stand.
// RESTRICTED is a level of other nations only.
func isLevel(v *marking.Vocabulary, level string) bool {
	if level == "R" {
		return true
	}
	_, err := v.Parse("(" + level + ")")
	return err == nil
}

func checkPlain(c devissuer.Claims) error {
	texts := map[string][]string{
		"--organization": {c.Attributes.DutyOrganization},
		"--employment":   {c.Attributes.EmploymentType},
		"--group":        c.Groups,
	}
	for _, flag := range []string{"--organization", "--employment", "--group"} {
		for _, text := range texts[flag] {
			if text != "" && !plainGrammar.MatchString(text) {
				return fmt.Errorf("%s %.40q is not valid: use 1 to 128 letters, digits and . _ : / -", flag, text)
			}
		}
	}
	return nil
}
