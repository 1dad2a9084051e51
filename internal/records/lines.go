package records

import (
	"bytes"
	"errors"
	"io"
)

// lines filters JSON Lines. Each delivered line ends in one LF, the last one
// too, for an end as it was sent would tell whether lines follow.
func (s *stream) lines(path []string) error {
	for {
		more, err := s.in.more()
		if err != nil || !more {
			return err
		}
		line, err := s.line()
		if err != nil {
			return err
		}
		if record := bytes.Trim(line, " \t\r\n"); len(record) > 0 {
			if err := s.lineRecord(record, path); err != nil {
				return err
			}
		}
	}
}

// line takes everything up to LF, or to the end of the source.
func (s *stream) line() ([]byte, error) {
	searched := 0 // bytes of the window without LF
	for {
		if i := bytes.IndexByte(s.in.window()[searched:], '\n'); i >= 0 {
			return s.in.pull(searched + i + 1), nil
		}
		searched = len(s.in.window())
		switch err := s.in.fill(); {
		case errors.Is(err, io.EOF):
			return s.in.pull(searched), nil
		case err != nil:
			return nil, err
		}
	}
}

func (s *stream) lineRecord(record []byte, path []string) error {
	scan, l := scanner{b: record}, lookup{}
	switch err := scan.find(path, nil, 0, &l); {
	case errors.Is(err, errShort):
		return malformed("a line ends inside its object")
	case err != nil:
		return err
	case scan.i != len(record):
		return malformed("something follows the object on its line")
	}
	delivered := s.admitted(l.mark())
	s.count(delivered)
	if !delivered {
		return nil
	}
	_, _ = s.out.Write(record) // the error stays
	return s.out.WriteByte('\n')
}
