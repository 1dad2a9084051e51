//go:build !unix

package durable

import "os"

func flush(*os.File) error { return nil }
