// Package wire sends every message of the protocol through another codec and looks at what comes back.
package wire

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Line is one message on its way out (without Original) or back (with it). Error is the other side's, instead of bytes.
type Line struct {
	Type     string `json:"type"`
	Base64   string `json:"base64"`
	Original string `json:"original,omitempty"`
	// Named is true where the protocol itself names the message, false where it is only reachable from one.
	Named bool   `json:"named,omitempty"`
	Error string `json:"error,omitempty"`
}

// Encode writes every message as NDJSON, several copies of each: one per oneof member, one with all that has presence
// set to empty, and an empty one.
func Encode(out io.Writer) error {
	start, err := roots()
	if err != nil {
		return err
	}
	named := map[protoreflect.FullName]bool{}
	for _, message := range start {
		named[message.FullName()] = true
	}
	lines := json.NewEncoder(out)
	for _, descriptor := range closure(start) {
		fillers := []*filler{{hollow: true}}
		for arm := range copies(descriptor) {
			fillers = append(fillers, &filler{arm: arm}, &filler{arm: arm, hollow: true})
		}
		kind, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for i := -1; i < len(fillers); i++ {
			message := kind.New()
			if i >= 0 {
				if err := fillers[i].fill(message, 0); err != nil {
					return err
				}
			}
			encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(message.Interface())
			if err != nil {
				return fmt.Errorf("%s: %w", descriptor.FullName(), err)
			}
			if seen[string(encoded)] {
				continue
			}
			seen[string(encoded)] = true
			line := Line{Type: string(descriptor.FullName()), Base64: base64.StdEncoding.EncodeToString(encoded), Named: named[descriptor.FullName()]}
			if err := lines.Encode(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// Result is the verdict on what came back.
type Result struct {
	Checked int `json:"checked"`
	Types   int `json:"types"`
	// Identical counts the messages that came back byte for byte; the rest is equal, but for map or field order.
	Identical  int        `json:"identical"`
	Mismatches []Mismatch `json:"mismatches"`
}

// Mismatch is a message that came back changed.
type Mismatch struct {
	Type     string `json:"type"`
	Reason   string `json:"reason"`
	Original string `json:"original"`
	Base64   string `json:"base64"`
}

// Check reads NDJSON of originals and their re-encoded form and compares each pair with proto.Equal.
func Check(in io.Reader) (*Result, error) {
	result := &Result{Mismatches: []Mismatch{}}
	types := map[string]bool{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var line Line
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, err
		}
		result.Checked++
		types[line.Type] = true
		if line.Base64 == line.Original && line.Error == "" {
			result.Identical++
		}
		if reason := compare(line); reason != "" {
			result.Mismatches = append(result.Mismatches, Mismatch{line.Type, reason, line.Original, line.Base64})
		}
	}
	result.Types = len(types)
	return result, lines.Err()
}

func compare(line Line) string {
	if line.Error != "" {
		return line.Error
	}
	original, err := decode(line.Type, line.Original)
	if err != nil {
		return err.Error()
	}
	returned, err := decode(line.Type, line.Base64)
	if err != nil {
		return err.Error()
	}
	if !proto.Equal(original, returned) {
		return "not equal"
	}
	return ""
}

func decode(name, encoded string) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	message := kind.New().Interface()
	return message, proto.Unmarshal(raw, message)
}
