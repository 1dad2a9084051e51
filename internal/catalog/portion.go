package catalog

import "context"

// PortionDecisions answers what a query engine asks beside decisions on
// products. Its answers are given, recorded and denied like those of
// [Decisions], with the same errors. All methods are safe for concurrent use.
type PortionDecisions interface {
	// EvaluatePortions answers a question about a product and, on a permit,
	// whether the subject is let in to a part of the product that carries one
	// of these portion marks, in their order. A part is under the caveat policy
	// of its product; a mark that cannot be read lets nobody in. It is recorded
	// as the one decision that it is. CodeTooLarge above [MaxPortions].
	EvaluatePortions(ctx context.Context, e Evaluation, marks []string) (Decision, []bool, error)
	// EvaluateOperation decides on an operation that gives out no data, such
	// as starting a query: it is permitted to whoever would be let in to
	// uncaveated UNCLASSIFIED data, which asks for a subject whose claims are
	// known and for nothing else. The resource is recorded as it is named. Of
	// one of type [EntityDomain] it asks as well that the domain, if there is
	// one of this id, exists for the subject.
	EvaluateOperation(ctx context.Context, e Evaluation) (Decision, error)
}

// MaxPortions is the most marks of one [PortionDecisions.EvaluatePortions].
const MaxPortions = 1024
