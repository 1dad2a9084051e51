package compat

// jsonAdvice is by kind of difference. The first sentence is for a candidate
// that reads data of the older schema, the second for a candidate whose data
// the older schema reads: there the older schema has what the kind names.
var jsonAdvice = jsonAdviceTable()

func jsonAdviceTable() map[string]advice {
	table := map[string]advice{}
	for _, group := range jsonAdviceGroups {
		for _, kind := range group.kinds {
			table[kind] = group.advice
		}
	}
	return table
}

var jsonAdviceGroups = []struct {
	kinds []string
	advice
}{
	{
		[]string{
			"MAX_LENGTH_ADDED", "MIN_LENGTH_ADDED", "PATTERN_ADDED", "MAXIMUM_ADDED", "MINIMUM_ADDED",
			"EXCLUSIVE_MAXIMUM_ADDED", "EXCLUSIVE_MINIMUM_ADDED", "MULTIPLE_OF_ADDED", "MAX_PROPERTIES_ADDED",
			"MIN_PROPERTIES_ADDED", "MAX_ITEMS_ADDED", "MIN_ITEMS_ADDED", "MAX_CONTAINS_ADDED", "MIN_CONTAINS_ADDED",
			"UNIQUE_ITEMS_ADDED", "DEPENDENCY_ARRAY_ADDED", "DEPENDENCY_SCHEMA_ADDED", "SCHEMA_ADDED",
		},
		advice{
			"Remove the new constraint: older data may break it.",
			"Keep the constraint of the older schema: its readers refuse data without it.",
		},
	},
	{
		[]string{
			"MAX_LENGTH_DECREASED", "MAXIMUM_DECREASED", "EXCLUSIVE_MAXIMUM_DECREASED", "MAX_PROPERTIES_DECREASED",
			"MAX_ITEMS_DECREASED", "MAX_CONTAINS_DECREASED", "MIN_LENGTH_INCREASED", "MINIMUM_INCREASED",
			"EXCLUSIVE_MINIMUM_INCREASED", "MIN_PROPERTIES_INCREASED", "MIN_ITEMS_INCREASED", "MIN_CONTAINS_INCREASED",
			"MULTIPLE_OF_EXPANDED", "MULTIPLE_OF_CHANGED", "PATTERN_CHANGED",
		},
		advice{
			"Keep the older limit, or one that lets more values through.",
			"Keep the older limit, or one that lets fewer values through.",
		},
	},
	{
		[]string{"TYPE_CHANGED", "TYPE_NARROWED", "COMBINED_TYPE_CHANGED"},
		advice{
			"Keep the older type, or accept it beside the new one with anyOf.",
			"Keep the older type: its readers accept no other.",
		},
	},
	{
		[]string{"REQUIRED_ATTRIBUTE_ADDED"},
		advice{
			"Leave the property optional, or give it a default.",
			"Keep the property required: readers of the older schema rely on it.",
		},
	},
	{
		[]string{"OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL"},
		advice{
			"Accept any value for the new property ({}), for older data may hold anything under its name; a schema with additionalProperties false from its first version can grow.",
			"Keep the property: readers of the older schema judge what stands under its name.",
		},
	},
	{
		[]string{"REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL"},
		advice{
			"Make the new property optional, or give it a default: older data lacks it.",
			"Keep the property: readers of the older schema require it.",
		},
	},
	{
		[]string{"PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL"},
		advice{
			"Keep describing what was removed: the schema is closed and older data holds it.",
			"Leave out what is new: the older schema is closed and refuses it.",
		},
	},
	{
		[]string{
			"PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
			"ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
		},
		advice{
			"Accept here all that the older schema's patternProperties, additional or unevaluated schema let through.",
			"Write here only what the older schema's patternProperties, additional or unevaluated schema accept.",
		},
	},
	{
		[]string{"ITEM_ADDED_TO_OPEN_CONTENT_MODEL"},
		advice{
			"Accept any value for the new item: older data may hold anything there.",
			"Keep the schema of the item: readers of the older schema judge what stands there.",
		},
	},
	{
		[]string{
			"ADDITIONAL_PROPERTIES_REMOVED", "ADDITIONAL_PROPERTIES_NARROWED", "UNEVALUATED_PROPERTIES_REMOVED", "UNEVALUATED_PROPERTIES_NARROWED",
			"ADDITIONAL_ITEMS_REMOVED", "ADDITIONAL_ITEMS_NARROWED", "UNEVALUATED_ITEMS_REMOVED", "UNEVALUATED_ITEMS_NARROWED",
		},
		advice{
			"Leave the schema as open as it was: older data may hold more than what it names.",
			"Leave the schema as closed as it was: readers of the older schema refuse more than what it names.",
		},
	},
	{
		[]string{"DEPENDENCY_ARRAY_EXTENDED", "DEPENDENCY_ARRAY_CHANGED"},
		advice{
			"Demand no further properties here: older data may lack them.",
			"Go on demanding the older properties here: readers of the older schema do.",
		},
	},
	{
		[]string{"ENUM_ARRAY_NARROWED", "ENUM_ARRAY_CHANGED"},
		advice{
			"Keep every value of the older schema: older data may hold it.",
			"Add no value: readers of the older schema refuse it.",
		},
	},
	{
		[]string{"PRODUCT_TYPE_EXTENDED"},
		advice{
			"Remove the added branch of allOf: older data may break it.",
			"Keep every branch of the older allOf: its readers demand them all.",
		},
	},
	{
		[]string{"SUM_TYPE_NARROWED", "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
		advice{
			"Keep for every branch of the older schema one that accepts the same values.",
			"Add and widen no branch: readers of the older schema refuse what it lets through.",
		},
	},
	{
		[]string{"NOT_TYPE_EXTENDED"},
		advice{
			"Forbid under not no more than the older schema did.",
			"Forbid under not at least what the older schema does.",
		},
	},
}
