package marking

import "slices"

// rule is one thing that a marking must satisfy. check returns the token at
// fault, "" when the rule holds. Rules are judged on the form as written.
type rule struct {
	id      string
	check   func(*form) string
	reason  string
	instead string
}

// rules are in the order in which a reader meets the tokens: level, control
// systems, nuclear, foreign, dissemination, non-IC. Ids are those of the ISM.XML
// Schematron where it has the rule, else words of our own for a rule that the
// Manual (CAPCO 2016, section H) prints.
var rules = []rule{
	{"ISM-ID-00040", func(f *form) string { return when(f.level == restricted && (f.usOwned() || f.joint), "R") },
		"the United States have no level RESTRICTED", "write CONFIDENTIAL or UNCLASSIFIED"},
	{"owner-unique", func(f *form) string { return when(!f.joint && len(f.owners) > 1 && f.ownedBy("USA"), "USA") },
		"information owned with the United States is JOINT", "write //JOINT, the level and every owner"},
	{"ISM-ID-00099", func(f *form) string { return when(len(f.owners) > 1 && f.ownedBy("FGI"), "FGI") },
		"a concealed owner stands alone", "write FGI as the only owner"},
	{"JOINT-owners", func(f *form) string { return when(f.joint && (len(f.owners) < 2 || !f.ownedBy("USA")), "JOINT") },
		"JOINT information is owned by the United States and at least one more", "list USA and every co-owner"},
	{"ISM-ID-00016", func(f *form) string { return when(!f.level.classified() && f.usOwned(), first(f.sci), first(f.sar)) },
		"unclassified information has no control system or special access programme", "raise the level, or leave the control out"},
	{"SCI-level", func(f *form) string { return when(!f.level.classified() && !f.usOwned(), first(f.sci), first(f.sar)) },
		"unclassified information has no control system or special access programme", "raise the level, or leave the control out"},
	{"ISM-ID-00174", func(f *form) string {
		return when(f.level < confidential, code(catAEA, f.aea, aeaRD, aeaFRD, aeaTFNI))
	},
		"RD, FRD and TFNI are classified", "write CONFIDENTIAL, SECRET or TOP SECRET"},
	{"ISM-ID-00175", func(f *form) string { return when(f.level < secret && f.cnwdi, "RD-CNWDI") },
		"CNWDI is SECRET or TOP SECRET", "raise the level"},
	{"ISM-ID-00173", func(f *form) string { return when(f.level < secret, sigmaName(f)) },
		"SIGMA information is SECRET or TOP SECRET", "raise the level"},
	{"ISM-ID-00181", func(f *form) string { return when(f.level.classified(), code(catAEA, f.aea, aeaDCNI, aeaUCNI)) },
		"unclassified controlled nuclear information is UNCLASSIFIED", "leave it out: the level protects it; add NOFORN where release would be wider"},
	{"ISM-ID-00163", func(f *form) string {
		return when(!f.ownedBy("NATO") && !slices.Contains(f.fgiOpen, "NATO") && !f.fgiProtected && !f.concealed(), code(catNonUS, f.nonUS, 0, 1, 2))
	},
		"ATOMAL, BALK and BOHEMIA are NATO's", "state NATO as owner, or FGI NATO"},
	{"JOINT-HCS", func(f *form) string { return when(f.joint && slices.Contains(f.sci, "HCS"), "HCS") },
		"JOINT information carries no HCS", "leave HCS out, or mark as United States information"},
	{"JOINT-noforn", func(f *form) string { return when(f.joint && f.noforn(), "NF") },
		"JOINT information is released to its co-owners", "write REL TO with every co-owner"},
	{"ISM-ID-00164", func(f *form) string { return when(f.level < secret, code(catDissem, f.dissem, disRS)) },
		"RSEN is used with SECRET and TOP SECRET only", "raise the level, or leave RSEN out"},
	{"ISM-ID-00030", func(f *form) string { return when(f.level.classified(), code(catDissem, f.dissem, disFOUO)) },
		"FOUO is used with UNCLASSIFIED only", "leave FOUO out"},
	{"ISM-ID-00028", func(f *form) string { return when(!f.level.classified(), code(catDissem, f.dissem, disOC)) },
		"ORCON is used with classified information only", "raise the level, or leave ORCON out"},
	{"ORCON-USGOV-level", func(f *form) string { return when(!f.level.classified(), code(catDissem, f.dissem, disOCUSGOV)) },
		"ORCON-USGOV is used with classified information only", "raise the level, or leave ORCON-USGOV out"},
	{"ORCON-exclusive", func(f *form) string { return when(f.dissem.has(disOC), code(catDissem, f.dissem, disOCUSGOV)) },
		"ORCON and ORCON-USGOV exclude each other", "write ORCON, the stricter"},
	{"ORCON-RELIDO", func(f *form) string {
		return when(f.dissem.has(disRELIDO), code(catDissem, f.dissem, disOC, disOCUSGOV))
	},
		"ORCON and RELIDO exclude each other", "leave RELIDO out"},
	{"ISM-ID-00107", func(f *form) string { return when(f.level < secret, code(catDissem, f.dissem, disIMC)) },
		"IMCON is used with SECRET and TOP SECRET only", "raise the level, or leave IMCON out"},
	{"ISM-ID-00033", func(f *form) string { return when(f.dissem.has(disNF), code(catDissem, f.dissem, disREL)) },
		"REL TO and NOFORN exclude each other", "write NOFORN, or the list"},
	{"ISM-ID-00169", func(f *form) string {
		release := f.dissem & bitsOf(disNF, disRELIDO, disDISPLAY)
		return when(release&(release-1) != 0, code(catDissem, f.dissem, disRELIDO, disDISPLAY))
	},
		"NOFORN, RELIDO and DISPLAY ONLY exclude each other", "keep one of them"},
	{"ISM-ID-00124", func(f *form) string { return when(!f.usOwned() && !f.joint, code(catDissem, f.dissem, disRELIDO)) },
		"RELIDO is a decision about United States information", "write REL TO or NOFORN"},
	{"ISM-ID-00233", func(f *form) string { return when(len(f.fgiOpen) > 0, code(catDissem, f.dissem, disRELIDO)) },
		"RELIDO is not used beside foreign government information", "write REL TO or NOFORN"},
	{"ISM-ID-00234", func(f *form) string { return when(f.fgiProtected, code(catDissem, f.dissem, disRELIDO)) },
		"RELIDO is not used beside foreign government information", "write REL TO or NOFORN"},
	{"ISM-ID-00346", func(f *form) string { return when(f.level.classified(), code(catNonIC, f.nonIC, nonDS)) },
		"LIMDIS is used with UNCLASSIFIED only", "leave LIMDIS out"},
	{"ISM-ID-00038", func(f *form) string { return when(f.nonIC.has(nonXD), code(catNonIC, f.nonIC, nonND)) },
		"EXDIS and NODIS exclude each other", "write NODIS, the stricter"},
	{"ISM-ID-00313", func(f *form) string { return when(!f.dissem.has(disNF), code(catNonIC, f.nonIC, nonND)) },
		"NODIS requires NOFORN", "add NOFORN"},
	{"ISM-ID-00314", func(f *form) string { return when(!f.dissem.has(disNF), code(catNonIC, f.nonIC, nonXD)) },
		"EXDIS requires NOFORN", "add NOFORN"},
	{"ISM-ID-00037", func(f *form) string { return when(f.level.classified(), code(catNonIC, f.nonIC, nonSBU, nonSBUNF)) },
		"SBU is used with UNCLASSIFIED only", "leave SBU out; write NOFORN for SBU NOFORN"},
	{"SBU-NF-release", func(f *form) string {
		return when(f.dissem.any(disREL, disRELIDO, disDISPLAY), code(catNonIC, f.nonIC, nonSBUNF))
	},
		"SBU NOFORN is not released", "leave the release marking out"},
	{"LES-NF-release", func(f *form) string {
		return when(f.dissem.any(disREL, disRELIDO, disDISPLAY), code(catNonIC, f.nonIC, nonLESNF))
	},
		"LES NOFORN is not released", "leave the release marking out"},
	{"ISM-ID-00148", func(f *form) string { return when(f.nonIC.has(nonLES), code(catNonIC, f.nonIC, nonLESNF)) },
		"LES and LES NOFORN exclude each other", "write LES NOFORN, the stricter"},
}

// when returns the first token that is not "" if the condition holds.
func when(condition bool, tokens ...string) string {
	if !condition {
		return ""
	}
	for _, t := range tokens {
		if t != "" {
			return t
		}
	}
	return ""
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// code names the first of the controls at these places that is present.
func code(c category, set bitset, places ...int) string {
	for _, i := range places {
		if set.has(i) {
			return registerOrder[c][i]
		}
	}
	return ""
}

func sigmaName(f *form) string {
	switch {
	case !f.rdSigma.empty():
		return "RD-SG"
	case !f.frdSigma.empty():
		return "FRD-SG"
	}
	return ""
}

// noforn reports whether the form shuts out every foreign national.
func (f *form) noforn() bool {
	return f.dissem.has(disNF) || f.nonIC.any(nonSBUNF, nonLESNF)
}

// judge reports every rule that the form breaks.
func (v *Vocabulary) judge(f *form, report func(Problem)) {
	for _, r := range rules {
		if token := r.check(f); token != "" {
			report(Problem{Rule: r.id, Token: token, Reason: r.reason, Instead: r.instead})
		}
	}
	v.sciRules(f, report)
	v.judgeLists(f, report)
	if p, bad := f.declass.problem(f); bad {
		report(p)
	}
}

// judgeLists checks release lists against their controls and their owners.
func (v *Vocabulary) judgeLists(f *form, report func(Problem)) {
	rel := v.list(f.rel)
	switch has := f.dissem.has(disREL); {
	case has && len(f.rel) == 0:
		report(Problem{Rule: "ISM-ID-00031", Token: "REL", Reason: "REL names nobody", Instead: "write REL TO USA and the nations"})
	case !has && len(f.rel) > 0:
		report(Problem{Rule: "ISM-ID-00032", Token: f.rel[0], Reason: "releasableTo needs the control REL", Instead: "add REL to disseminationControls"})
	case has && !slices.Contains(f.rel, "USA"):
		report(Problem{Rule: "ISM-ID-00214", Token: f.rel[0], Reason: "REL TO starts with USA", Instead: "write REL TO USA first"})
	case has && !rel.abroad():
		report(Problem{Rule: "ISM-ID-00319", Token: "USA", Reason: "REL TO names nobody but USA", Instead: "add a nation, or write NOFORN"})
	}
	switch has := f.dissem.has(disDISPLAY); {
	case has && len(f.display) == 0:
		report(Problem{Rule: "ISM-ID-00213", Token: "DISPLAYONLY", Reason: "DISPLAY ONLY names nobody", Instead: "write DISPLAY ONLY and the nations"})
	case !has && len(f.display) > 0:
		report(Problem{Rule: "ISM-ID-00168", Token: f.display[0], Reason: "displayOnlyTo needs the control DISPLAYONLY", Instead: "add DISPLAYONLY to disseminationControls"})
	case slices.Contains(f.display, "USA"):
		report(Problem{Rule: "DISPLAYONLY-USA", Token: "USA", Reason: "the United States hold the information anyway", Instead: "leave USA out of DISPLAY ONLY"})
	case has && len(f.rel) > 0 && v.list(f.display).within(rel):
		report(Problem{Rule: "DISPLAYONLY-released", Token: f.display[0], Reason: "everybody in DISPLAY ONLY is in REL TO already", Instead: "leave DISPLAY ONLY out"})
	}
	if f.joint {
		v.judgeJoint(f, rel, report)
	}
}

func (v *Vocabulary) judgeJoint(f *form, rel list, report func(Problem)) {
	for _, owner := range f.owners {
		if !v.list([]string{owner}).within(rel) {
			report(Problem{Rule: "ISM-ID-00377", Token: owner, Reason: "the co-owner " + owner + " is not in REL TO", Instead: "add every co-owner to REL TO"})
			return
		}
	}
}
