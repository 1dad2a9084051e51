package main

import (
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// rules say what the deny codes of the audit log stand for: those of markings
// (CAPCO 2016, G.2 Table 5), of caveat policies, and of the platform.
var rules = map[string]string{
	marking.DenyClearance:         "the clearance is below the classification; any SCI needs TS",
	marking.DenyNOFORN:            "NOFORN: only affiliates of the United States who serve one of its organisations",
	marking.DenyNoReleaseDecision: "no release is stated: foreign affiliates are refused",
	marking.DenyNotReleasable:     "a country of the subject is not in the release list as the vocabulary expands it",
	marking.DenyDisplayOnly:       "the country may see the data, not hold them",
	marking.DenyORCON:             "ORCON: the organisation is not on the dissemination list",
	marking.DenyPROPIN:            "PROPIN: contractors are refused",
	marking.DenyNODIS:             "NODIS, EXDIS or LIMDIS: not among those whom it is for",
	marking.DenyMissingClaim:      "a claim that the marking asks about is missing, or the vocabulary does not know it",
	marking.DenyUnknownMarking:    "the vocabulary does not know the marking",
	access.DenyExcluded:           "the caveat policy excludes a country of the subject, or has a code that the vocabulary does not know",
	access.DenyPurpose:            "the caveat policy limits purposes: the stated one is not on its list, or was not given to the subject",
	access.DenySystemHigh:         "the data is above what the system is accredited for",
	"unknown_action":              "there is no such action",
	"unknown_resource":            "there is no such product",
	"unknown_port":                "the product has no such output port",
	"record_marking":              "records of the product carry marks of their own, and whoever asked leaves out none",
	"inactive":                    "the product gives out no data: it is neither active nor deprecated",
	"port_changed":                "the output port is another one than was opened",
	"too_long":                    "the stream was open for 24 hours",
	"too_many_streams":            "10,000 streams ran",
}

// ruleOf is the rule of a code, "" for a code of a later version.
func ruleOf(code string) string {
	if token, ok := strings.CutPrefix(code, marking.DenyMissingAccess); ok {
		return "the marking asks for the read-in " + token + ", which the subject does not have"
	}
	return rules[code]
}
