package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// cutting are the flags that say otherwise than bundle.yaml how a bundle is cut.
type cutting struct {
	size   volumeSize
	parity parityFiles
}

func (k *cutting) add(c *cobra.Command) {
	f := c.Flags()
	f.Var(&k.size, "volume-size", "largest volume, such as 4.3GiB, or 0B for a single one; without it what bundle.yaml says")
	f.Var(&k.parity, "parity", "parity files, each of which makes up for one lost volume; without it what bundle.yaml says")
}

func (k *cutting) change(v *spec.Volumes) {
	if k.size.given {
		v.Size = k.size.bytes
	}
	if k.parity.given {
		v.Parity = k.parity.count
	}
}

// volumeSize is the value of --volume-size. It goes down to what an archive can
// be cut to, below what a bundle.yaml may say: who types it sees what comes of it.
type volumeSize struct {
	bytes int64 // 0 for one volume of any size
	given bool
}

// Set reads a flag.
func (v *volumeSize) Set(text string) error {
	size, err := spec.ParseSize(text)
	if err != nil {
		return err
	}
	if size != 0 && size < archive.MinVolumeSize {
		return errors.New("too small: write at least " + spec.FormatSize(archive.MinVolumeSize) + ", or 0B for a single volume of any size")
	}
	*v = volumeSize{size, true}
	return nil
}

// String is the size, "" when none was given.
func (v *volumeSize) String() string {
	if !v.given {
		return ""
	}
	return spec.FormatSize(v.bytes)
}

// Type names the value in the help.
func (v *volumeSize) Type() string { return "SIZE" }

// parityFiles is the value of --parity. No number stands for one that was not
// given: who types a wrong one is told, and gets no bundle without parity.
type parityFiles struct {
	count int
	given bool
}

// Set reads a flag.
func (p *parityFiles) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > volume.MaxParity {
		return fmt.Errorf("write a number from 0 to %d", volume.MaxParity)
	}
	*p = parityFiles{n, true}
	return nil
}

// String is the number, "" when none was given.
func (p *parityFiles) String() string {
	if !p.given {
		return ""
	}
	return strconv.Itoa(p.count)
}

// Type names the value in the help.
func (p *parityFiles) Type() string { return "N" }
