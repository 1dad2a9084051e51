package main

import (
	"maps"
	"testing"
)

func TestLogsAreQuietUnlessAskedFor(t *testing.T) {
	t.Parallel()
	off := map[string]string{"TF_LOG_SDK": "OFF", "TF_LOG_PROVIDER_DATAMESH": "OFF"}
	for name, test := range map[string]struct {
		environ []string
		want    map[string]string
	}{
		"nothing set":             {nil, off},
		"set to nothing":          {[]string{"TF_LOG=", "TF_LOG_SDK="}, off},
		"Terraform's own":         {[]string{"TF_LOG_CORE=TRACE", "TF_LOG_PATH=/tmp/x"}, off},
		"everything":              {[]string{"TF_LOG=trace"}, nil},
		"providers":               {[]string{"TF_LOG_PROVIDER=debug"}, nil},
		"this provider":           {[]string{"TF_LOG_PROVIDER_DATAMESH=debug"}, nil},
		"its requests":            {[]string{"TF_LOG_PROVIDER_DATAMESH_HTTP=debug"}, nil},
		"the SDK":                 {[]string{"TF_LOG_SDK=trace"}, nil},
		"a part of the SDK":       {[]string{"TF_LOG_SDK_FRAMEWORK=trace"}, nil},
		"a value with equal sign": {[]string{"OTHER=TF_LOG=trace"}, off},
	} {
		var got map[string]string
		err := quietLogs(test.environ, func(key, value string) error {
			if got == nil {
				got = make(map[string]string)
			}
			got[key] = value
			return nil
		})
		if err != nil || !maps.Equal(got, test.want) {
			t.Errorf("%s: got %v %v, want %v", name, got, err, test.want)
		}
	}
}
