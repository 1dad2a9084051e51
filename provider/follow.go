package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// patience is how long the platform has to say which vocabulary is in force.
const patience = 10 * time.Second

// follow is the vocabulary that plans are judged by: that of the platform, whose
// word on who is let in counts. By another one, two markings may mean the same
// here and not there, and the plan would leave the one that is to go. A platform
// that cannot be asked leaves this machine's own.
func follow(ctx context.Context, service catalog.Vocabularies, own *marking.Vocabulary) (*marking.Vocabulary, diag.Diagnostics) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var warnings diag.Diagnostics
	v, err := inForce(ctx, service)
	switch {
	case errors.Is(err, catalog.ErrNotFound): // a platform from before it had them
		v = own
	case err != nil:
		v = own
		warnings.AddWarning("The platform could not be asked how it judges markings",
			fmt.Sprintf("%v.\n\nThis run judges markings by vocabulary %s (%s). Where the platform has another one in force, the plan may say less than apply does: "+
				"plan again when the platform answers.", err, own.Version(), vocabulary.Source()))
	case !bytes.Equal(v.Canonical(), own.Canonical()):
		warnings.AddWarning("The platform judges markings by another vocabulary",
			fmt.Sprintf("It has %s in force, and %s (%s) is on this machine. Plan and apply judge by the platform's; functions and terraform validate cannot ask it, "+
				"and may say otherwise.\n\nSave what GET /api/v1/vocabulary answers to a file, and name the file in %s.",
				v.Version(), own.Version(), vocabulary.Source(), vocabulary.Variable))
	}
	vocabulary.Follow(v)
	return v, warnings
}

func inForce(ctx context.Context, service catalog.Vocabularies) (*marking.Vocabulary, error) {
	found, err := service.Vocabulary(ctx, "")
	if err != nil {
		return nil, err
	}
	return marking.ReadVocabulary(bytes.NewReader(found.Text))
}
