package main

import "strings"

// quietLogs switches the loggers of the SDK off unless somebody asked for logs.
// Left alone, they format a JSON line at every attribute step, and Terraform
// parses each of them to throw it away: more work than all the rest of a plan.
func quietLogs(environ []string, setenv func(key, value string) error) error {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if value != "" && asksForLogs(name) {
			return nil
		}
	}
	for _, name := range []string{"TF_LOG_SDK", "TF_LOG_PROVIDER_DATAMESH"} {
		if err := setenv(name, "OFF"); err != nil {
			return err
		}
	}
	return nil
}

func asksForLogs(name string) bool {
	return name == "TF_LOG" || strings.HasPrefix(name, "TF_LOG_PROVIDER") || strings.HasPrefix(name, "TF_LOG_SDK")
}
