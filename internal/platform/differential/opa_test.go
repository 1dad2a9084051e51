package differential_test

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/opa"
)

// tableOf is the product as Trino names it, in the catalog of its port.
func tableOf(product string) object {
	schema, name, _ := strings.Cut(strings.ReplaceAll(product, "-", "_"), "/")
	return object{"table": object{"catalogName": "hive", "schemaName": schema, "tableName": name, "columns": []string{"id"}}}
}

func input(r request, more object, action object) object {
	identity := object{"user": r.subject.Subject, "groups": r.subject.Groups}
	maps.Copy(identity, more)
	properties := object{}
	if r.purpose != "" {
		properties["purpose"] = r.purpose
	}
	return object{"input": object{
		"context": object{"identity": identity, "softwareStack": object{"trinoVersion": "484"}, "properties": properties}, "action": action,
	}}
}

// selects asks as Trino does before a query reads a table, with the user's own
// token and the purpose that the client of the query has named.
func (c caller) selects(ctx context.Context, r request) (bool, error) {
	var answer struct{ Result *bool }
	credentials := object{opa.TokenCredential: r.token}
	if r.purpose != "" {
		credentials[opa.PurposeCredential] = r.purpose
	}
	r.purpose = "" // it is among the credentials
	body := input(r, object{"extraCredentials": credentials}, object{"operation": "SelectFromColumns", "resource": tableOf(r.product)})
	if refused, err := c.post(ctx, c.admin, opa.Prefix+"allow", body, &answer); refused || err != nil {
		return false, err
	}
	if answer.Result == nil {
		return false, fmt.Errorf("there is no result")
	}
	return *answer.Result, nil
}

// lists asks as an adapter does that lists tables for a user that it has
// verified, a table at a time among others that are not there.
func (c caller) lists(ctx context.Context, r request) (bool, error) {
	var answer struct{ Result []int }
	absent := tableOf("absent/absent")
	body := input(r, claims(r), object{"operation": "FilterTables", "filterResources": []object{absent, tableOf(r.product), absent}})
	if refused, err := c.post(ctx, c.admin, opa.Prefix+"batch", body, &answer); refused || err != nil {
		return false, err
	}
	if len(answer.Result) > 1 || len(answer.Result) == 1 && answer.Result[0] != 1 {
		return false, fmt.Errorf("what is not there is listed: %v", answer.Result)
	}
	return len(answer.Result) == 1, nil
}
