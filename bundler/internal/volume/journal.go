package volume

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// journalStep is how many bytes of a blob are written between two records.
const journalStep = 4 << 20

// maxRecord is the longest line of a journal, in bytes.
const maxRecord = 256

// journal is the append-only list of how far each blob has come. A record is a
// line: CRC-32 of the rest, digest, offset. A torn or damaged line ends it.
// Records are claims: whoever reads them hashes what they claim.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

const journalMagic = "datamesh-volume-journal/1 "

// openJournal opens the journal of the layout with this fingerprint and reads
// its claims. A journal of another layout is emptied, and fresh is true.
func openJournal(path string, fingerprint [32]byte) (j *journal, claims map[artifact.Digest]int64, fresh bool, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600) //nolint:gosec // G304: inside the directory that this package made
	if err != nil {
		return nil, nil, false, fmt.Errorf("open journal: %w", err)
	}
	head := journalMagic + hex.EncodeToString(fingerprint[:]) + "\n"
	claims, length, err := readClaims(file, head)
	if err != nil {
		return nil, nil, false, errors.Join(fmt.Errorf("read journal: %w", err), file.Close())
	}
	fresh = length == 0
	if err := startAt(file, length, head); err != nil {
		return nil, nil, false, errors.Join(fmt.Errorf("write journal: %w", err), file.Close())
	}
	return &journal{file: file}, claims, fresh, nil
}

// readClaims returns what the journal claims and the length of its good part;
// 0 when it does not start with head.
func readClaims(file io.Reader, head string) (map[artifact.Digest]int64, int64, error) {
	claims := map[artifact.Digest]int64{}
	lines := bufio.NewReaderSize(file, maxRecord)
	length := int64(0)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
			return claims, length, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if length == 0 && string(line) != head {
			return claims, 0, nil
		}
		if length > 0 && !claim(claims, line) {
			return claims, length, nil
		}
		length += int64(len(line))
	}
}

// claim reads one record; false when it is damaged.
func claim(claims map[artifact.Digest]int64, line []byte) bool {
	sum, rest, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if string(sum) != checksum(string(rest)) {
		return false
	}
	digest, number, _ := strings.Cut(string(rest), " ")
	d, err := artifact.ParseDigest(digest)
	if err != nil {
		return false
	}
	offset, err := strconv.ParseInt(number, 10, 64)
	if err != nil || offset < 0 {
		return false
	}
	claims[d] = offset
	return true
}

func checksum(text string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text)))
}

func startAt(file *os.File, length int64, head string) error {
	if err := file.Truncate(length); err != nil {
		return err
	}
	if _, err := file.Seek(length, io.SeekStart); err != nil {
		return err
	}
	if length > 0 {
		return nil
	}
	_, err := file.WriteString(head)
	return err
}

// record notes that the blob is written up to the offset.
func (j *journal) record(d artifact.Digest, offset int64) error {
	text := fmt.Sprintf("%s %d", d, offset)
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.WriteString(checksum(text) + " " + text + "\n"); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	return nil
}

func (j *journal) close() error { return j.file.Close() }
