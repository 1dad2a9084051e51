package marking_test

import (
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

func Example() {
	v := marking.Default()
	tracks, _ := v.Parse("SECRET//REL TO USA, FVEY")
	imagery, _ := v.Parse("(S//REL TO USA, ACGU)")
	fused := v.Rollup(tracks, imagery)
	fmt.Println(fused)
	fmt.Println(v.Dominates(tracks, fused))
	fmt.Println(v.Gains(fused, tracks))

	officer := marking.Subject{Clearance: "S", CountryOfAffiliation: []string{"NZL"}, DutyOrganization: "NZL.NZDF", EmploymentType: "mil"}
	fmt.Println(v.Access(fused, &officer, marking.Request{Action: marking.ActionRead}).Code)

	_, err := v.Parse("SECRET//REL TO GBR, USA")
	fmt.Println(err)
	// Output:
	// SECRET//REL TO USA, AUS, CAN, GBR
	// false
	// [NZL]
	// not_releasable
	// invalid marking "SECRET//REL TO GBR, USA" by vocabulary 2026-01.1
	//   ISM-ID-00214: "GBR" at byte 15: REL TO starts with USA; write REL TO USA, then the others
}
