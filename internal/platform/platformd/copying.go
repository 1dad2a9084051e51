package platformd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditcopy"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/keyfile"
)

const (
	// defaultCopyInterval is how often a checkpoint is copied.
	defaultCopyInterval = 10 * time.Minute
	// copyPatience is how many intervals the copy may be late before the
	// server is not ready.
	copyPatience = 6
)

// copying keeps a copy of the log in a bucket. Safe for concurrent use.
type copying struct {
	copier   *auditcopy.Copier
	interval time.Duration

	mu     sync.Mutex // guards what follows
	since  time.Time  // of the last copy that succeeded
	failed error      // of the last one
}

// openCopying reads the configuration and the credentials, and connects to
// nothing. Without an endpoint it is nil.
func openCopying(config configfile.AuditCopy, log store.Log, checkpoint func() (audit.Checkpoint, []byte, error)) (*copying, error) {
	if config.Endpoint == "" {
		return nil, nil
	}
	c := &copying{interval: defaultCopyInterval, since: time.Now()}
	var err error
	if config.Interval != "" {
		if c.interval, err = time.ParseDuration(config.Interval); err != nil || c.interval <= 0 {
			return nil, fmt.Errorf("copy of the audit log: the interval %q is no time such as 10m", config.Interval)
		}
	}
	if config.Retention < 1 || config.Bucket == "" {
		return nil, errors.New("copy of the audit log: name a bucket, and for how many days its objects are kept: retention_days")
	}
	client, err := bucketClient(config)
	if err != nil {
		return nil, fmt.Errorf("copy of the audit log: %w", err)
	}
	c.copier = auditcopy.New(auditcopy.Options{
		Client: client, Bucket: config.Bucket, Prefix: config.Prefix, Retention: time.Duration(config.Retention) * 24 * time.Hour,
		Log: log, Checkpoint: checkpoint,
	})
	return c, nil
}

func bucketClient(config configfile.AuditCopy) (*minio.Client, error) {
	transport, err := outboundTransport(config.Endpoint, config.CAFiles)
	if err != nil {
		return nil, err
	}
	access, err := keyfile.Read(config.AccessKeyFile)
	if err != nil {
		return nil, fmt.Errorf("access_key_file: %w", err)
	}
	secret, err := keyfile.Read(config.SecretKeyFile)
	if err != nil {
		return nil, fmt.Errorf("secret_key_file: %w", err)
	}
	endpoint, err := url.Parse(config.Endpoint)
	if err != nil {
		return nil, err
	}
	region := config.Region
	if region == "" {
		region = "us-east-1" // what servers without regions take
	}
	return minio.New(endpoint.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(strings.TrimSpace(string(access)), strings.TrimSpace(string(secret)), ""),
		Secure: endpoint.Scheme == "https", Transport: transport, Region: region, BucketLookup: minio.BucketLookupPath, MaxRetries: 1,
	})
}

// run copies on a timer until ctx ends.
func (c *copying) run(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for {
		if err := c.copier.Copy(ctx); ctx.Err() == nil {
			c.settle(err)
			if err != nil {
				log.Error("the audit log was not copied: trying again", "error", err, "after", c.interval)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (c *copying) settle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed = err; err == nil {
		c.since = time.Now()
	}
}

// trouble says that the copy is late, or that it was changed.
func (c *copying) trouble() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	late := time.Since(c.since)
	if c.failed == nil || late < copyPatience*c.interval && !errors.Is(c.failed, auditcopy.ErrForged) {
		return nil
	}
	return fmt.Errorf("the copy of the audit log is %s late: %w", late.Round(time.Second), c.failed)
}
