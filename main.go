// Command terraform-provider-datamesh is the Terraform provider of the data
// mesh. Terraform starts it; see the docs folder for how to use it.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime/debug"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/meshwright/terraform-provider-datamesh/provider"
)

// version is set when releasing.
var version = "dev"

func main() {
	attach := flag.Bool("debug", false, "serve for a debugger: print how Terraform can attach, and wait")
	printVersion := flag.Bool("version", false, "print the version and end")
	flag.Parse()
	if *printVersion {
		fmt.Println(version)
		return
	}
	if err := quietLogs(os.Environ(), os.Setenv); err != nil {
		log.Fatal(err)
	}
	if os.Getenv("GOGC") == "" {
		// A provider lives for seconds and holds little: collecting at every
		// doubling of a small heap took a fifth of its time.
		debug.SetGCPercent(400)
	}
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/meshwright/datamesh",
		Debug:   *attach,
	})
	if err != nil {
		log.Fatal(err)
	}
}
