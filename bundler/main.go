// Command datamesh-bundler mirrors signed images, OCI artifacts and files into
// one bundle that crosses an air gap, and proves, loads and serves it on the far
// side without a network.
//
// Exit codes: 0 done, 1 error, 2 a command line that is not understood, 3
// refused by trust or policy, 4 damaged media.
package main

import (
	"os"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(cli.Run(version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
