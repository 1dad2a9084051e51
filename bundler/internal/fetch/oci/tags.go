package oci

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// Tags lists the tags of the repository, sorted, each once. Tags that no
// reference can name are an error, as is a list without end.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	tags, err := r.tags(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: listing tags: %w", r.name, err)
	}
	slices.Sort(tags)
	return slices.Compact(tags), nil
}

func (r *Repository) tags(ctx context.Context) ([]string, error) {
	var tags []string
	query := url.Values{"n": {"1000"}}
	for range maxTagPages {
		raw, header, err := r.small(ctx, "tags/list?"+query.Encode(), nil)
		if err != nil {
			return nil, err
		}
		page, err := parseTags(raw)
		if err != nil {
			return nil, err
		}
		if tags = append(tags, page...); len(tags) > MaxTags {
			return nil, fmt.Errorf("there are more than %d; name the wanted ones by ref", MaxTags)
		}
		next, err := nextPage(header)
		if err != nil || next == nil {
			return tags, err
		}
		query = next
	}
	return nil, fmt.Errorf("the list does not end after %d pages", maxTagPages)
}

func parseTags(raw []byte) ([]string, error) {
	root, err := strictjson.Parse(string(raw), strictjson.Limits{Bytes: artifact.MaxMetadata, Depth: 4, Values: MaxTags + 8})
	if err != nil {
		return nil, fmt.Errorf("the list is malformed: %w", err)
	}
	list := root.Get("tags")
	if list == nil || list.Kind == strictjson.Null {
		return nil, nil // some registries write null for none
	}
	tags := make([]string, 0, len(list.Items))
	for _, item := range list.Items {
		if err := artifact.CheckTag(item.Text); err != nil {
			return nil, err
		}
		tags = append(tags, item.Text)
	}
	return tags, nil
}

var nextLink = regexp.MustCompile(`^\s*<([^>]{1,1000})>\s*;.*\brel="?next"?`)

// nextPage is the query of the page that the Link header names (RFC 8288); nil
// for none. Only the query is taken: where to ask is not for the answer to say.
func nextPage(header http.Header) (url.Values, error) {
	link := header.Get("Link")
	if link == "" {
		return nil, nil
	}
	match := nextLink.FindStringSubmatch(link)
	if match == nil {
		return nil, nil
	}
	target, err := url.Parse(match[1])
	if err != nil {
		return nil, fmt.Errorf("the link to the next page is malformed")
	}
	return target.Query(), nil
}
