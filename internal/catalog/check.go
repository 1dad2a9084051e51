package catalog

import "github.com/meshwright/terraform-provider-datamesh/internal/marking"

// Normalize implements [Object].
func (d *Domain) Normalize(*marking.Vocabulary) {}

// Normalize implements [Object].
func (s *Schema) Normalize(*marking.Vocabulary) {}

// Normalize implements [Object].
func (c *CaveatPolicy) Normalize(*marking.Vocabulary) {}

// Normalize implements [Object].
func (s *SLA) Normalize(*marking.Vocabulary) {}

// Normalize implements [Object].
func (p *Product) Normalize(*marking.Vocabulary) {}

// Check implements [Object].
func (d *Domain) Check(*marking.Vocabulary) []Problem { return nil }

// Check implements [Object].
func (s *Schema) Check(*marking.Vocabulary) []Problem { return nil }

// Check implements [Object].
func (c *CaveatPolicy) Check(*marking.Vocabulary) []Problem { return nil }

// Check implements [Object].
func (s *SLA) Check(*marking.Vocabulary) []Problem { return nil }

// Check implements [Object].
func (p *Product) Check(*marking.Vocabulary) []Problem { return nil }
