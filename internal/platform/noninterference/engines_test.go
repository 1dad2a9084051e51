package noninterference_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/extauthz"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/opa"
)

// engines asks as a query engine does: about somebody whose token it was sent,
// about somebody whom it has verified, and about itself.
func (p *pair) engines(t *testing.T, who string) {
	t.Helper()
	identities := []string{
		fmt.Sprintf(`{"user":"reader","extraCredentials":{%q:%q}}`, opa.TokenCredential, token("reader")),
		`{"user":"z.other","clearance":"S","countryOfAffiliation":["USA"],"dutyOrganization":"USA.DOD","employmentType":"gov"}`,
		fmt.Sprintf(`{"user":%q}`, who),
	}
	if who != "gateway" { // others are believed about nobody: one of them is enough
		identities = identities[p.calls%3:][:1]
	}
	for _, identity := range identities {
		ask := func(path, action string) {
			body := `{"input":{"context":{"identity":` + identity + `,"softwareStack":{"trinoVersion":"484"}},"action":{` + action + `}}}`
			p.ask(t, call{who: who, method: http.MethodPost, path: opa.Prefix + path, body: body})
		}
		var tables, schemas []string
		for _, id := range products {
			schema, name, _ := strings.Cut(strings.ReplaceAll(id, "-", "_"), "/")
			named := fmt.Sprintf(`"catalogName":"hive","schemaName":%q,"tableName":%q`, schema, name)
			table := `"resource":{"table":{` + named + `,"columns":["id"]}}`
			column := `{"column":{` + named + `,"columnName":"id"}}`
			tables = append(tables, `{"table":{`+named+`,"columns":["id"]}}`)
			schemas = append(schemas, fmt.Sprintf(`{"schema":{"catalogName":"hive","schemaName":%q}}`, schema))
			ask("allow", `"operation":"`+[]string{"SelectFromColumns", "ShowColumns", "DropTable"}[p.calls%3]+`",`+table)
			ask("batch", `"operation":"FilterColumns","filterResources":[`+tables[len(tables)-1]+`]`)
			ask("rowFilters", `"operation":"GetRowFilters",`+table)
			ask("columnMask", `"operation":"GetColumnMask","resource":`+column)
			ask("batchColumnMasks", `"operation":"GetColumnMask","filterResources":[`+column+`]`)
		}
		ask("batch", `"operation":"FilterTables","filterResources":[`+strings.Join(tables, ",")+`]`)
		ask("batch", `"operation":"FilterSchemas","filterResources":[`+strings.Join(schemas, ",")+`]`)
		ask("allow", `"operation":"ExecuteQuery"`)
		ask("none", `"operation":"ExecuteQuery"`)
	}
}

// envoys asks as an Envoy does whose user bears a token.
func (p *pair) envoys(t *testing.T, who string) {
	t.Helper()
	for _, user := range []string{"reader", "partner", who} {
		for _, id := range products {
			p.check(t, who, user, "/", map[string]string{"product": id, "action": []string{"read", "download"}[p.calls%2]})
			p.check(t, who, user, "/data/"+id+"/feed", nil)
		}
	}
}

// check makes one check in both worlds.
func (p *pair) check(t *testing.T, who, user, path string, route map[string]string) {
	t.Helper()
	p.calls++
	c := call{who: who, method: http.MethodPost, path: strings.TrimPrefix(extauthz.Routes()[0], "POST "), body: user + " " + path + " " + route["product"]}
	p.makes(c)
	var answers [2]*authv3.CheckResponse
	p.both(t, c, func(i int, w *world) (err error) {
		w.begin(p.calls)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+w.tokens[who])
		answers[i], err = w.envoy.Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
			ContextExtensions: route,
			Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
				Id: fmt.Sprintf("call-%d", p.calls), Method: http.MethodGet, Path: path, Headers: map[string]string{"authorization": "Bearer " + w.tokens[user]},
			}},
		}})
		return err
	})
	if answers[0].GetOkResponse() != nil {
		p.checked++
	}
	if diff := cmp.Diff(answers[0], answers[1], protocmp.Transform()); diff != "" {
		p.differs(t, c, diff)
	}
}

// throughServices reads as somebody who is cleared for everything through a
// service that is not: it is shown no more than the service.
func (p *pair) throughServices(t *testing.T) {
	t.Helper()
	portal := person("portal", "S", "USA")
	through := catalog.Caller{Subject: "root", Administrator: true, Groups: []string{catalog.BoardGroup, catalog.AuditGroup}, Attributes: person("root", "TS", "USA").Attributes, Via: &portal}
	through.Attributes.FineAccessControls = []string{"SI", "TK"}
	p.calls++
	same := func(what string, ask func(context.Context, catalog.Service) (any, error)) {
		var seen [2]string
		for i, w := range []*world{p.plain, p.haunted} {
			w.begin(p.calls)
			got, err := ask(t.Context(), w.Service(through))
			text, _ := json.Marshal(got) // objects and entries: cannot fail
			seen[i] = fmt.Sprintf("%s %+v", text, err)
		}
		if diff := cmp.Diff(seen[0], seen[1]); diff != "" {
			p.differs(t, call{who: "root through portal", path: what}, diff)
		}
	}
	for _, kind := range catalog.Kinds() {
		same("list "+string(kind), func(ctx context.Context, s catalog.Service) (any, error) {
			return s.List(ctx, catalog.Query{Kind: kind, Limit: catalog.MaxLimit})
		})
		for _, id := range idsOf(kind) {
			ref := catalog.Ref{Kind: kind, ID: id}
			same("get "+ref.String(), func(ctx context.Context, s catalog.Service) (any, error) { return s.Get(ctx, ref) })
			same("try "+ref.String(), func(ctx context.Context, s catalog.Service) (any, error) {
				return s.Put(ctx, object(kind, id), catalog.WriteOptions{DryRun: true})
			})
			same("remove "+ref.String(), func(ctx context.Context, s catalog.Service) (any, error) {
				return nil, s.Delete(ctx, ref, catalog.WriteOptions{DryRun: true})
			})
		}
	}
}
