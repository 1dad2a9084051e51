package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// object is a product as the platform's JSON has it.
type object map[string]any

// ask sends one request to the platform and decodes the answer, as curl and jq
// would. It returns the entity tag.
func (s *server) ask(ctx context.Context, method, path, ifMatch string, body, into any) (etag string, err error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return "", err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, s.ready.Endpoint+"/api/v1/"+path, content)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+s.ready.Token)
	request.Header.Set("Content-Type", "application/json")
	if ifMatch != "" {
		request.Header.Set("If-Match", ifMatch)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return "", fmt.Errorf("%s %s: %s\n%s", method, path, response.Status, raw)
	}
	return response.Header.Get("ETag"), json.Unmarshal(raw, into)
}

// list reads all objects of a kind, page by page.
func (s *server) list(ctx context.Context, kind string) ([]object, error) {
	var all []object
	for cursor := ""; ; {
		var page struct {
			Items []object `json:"items"`
			Next  string   `json:"next_cursor"`
		}
		if _, err := s.ask(ctx, http.MethodGet, kind+"?limit=100&cursor="+url.QueryEscape(cursor), "", nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

// catalogue reads everything there is, by kind.
func (s *server) catalogue(ctx context.Context) (map[string][]object, int, error) {
	all, count := map[string][]object{}, 0
	for _, kind := range []string{"domains", "schemas", "caveat-policies", "slas", "products"} {
		objects, err := s.list(ctx, kind)
		if err != nil {
			return nil, 0, err
		}
		all[kind] = objects
		count += len(objects)
	}
	return all, count, nil
}
