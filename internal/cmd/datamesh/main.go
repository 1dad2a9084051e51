// Command datamesh is the self-serve platform of the data mesh and the tools
// of those who review and operate it, in one static binary.
//
// Exit codes: 0 done, 1 error, 2 a command line that is not understood; verbs
// that answer a question have further ones, see their help.
package main

import (
	"io"
	"os"

	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it executes one command line and returns its exit
// code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	return commandline.Run(rootCommand(), args, in, out, errOut)
}
