package peer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"

	"baton-cursor/test/interop/internal/store"
	"baton-cursor/test/interop/internal/strict"
)

// Record is one message of a sync file.
type Record struct {
	Type   string `json:"type"`
	Base64 string `json:"base64"`
}

// Marshalled is a record as Go writes it, what it says, and what is wrong with it; Error is why Go does not read it.
type Marshalled struct {
	Base64   string          `json:"base64"`
	JSON     json.RawMessage `json:"json"`
	Problems []string        `json:"problems"`
	Error    string          `json:"error,omitempty"`
}

// Marshal reads NDJSON of records and writes each as Go's protobuf encodes it deterministically.
func Marshal(in io.Reader, out io.Writer) error {
	results := json.NewEncoder(out)
	return eachRecord(in, func(message proto.Message, err error) error {
		if err != nil {
			return results.Encode(Marshalled{Error: err.Error()})
		}
		encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
		if err != nil {
			return err
		}
		text, err := protojson.Marshal(message)
		if err != nil {
			return err
		}
		return results.Encode(Marshalled{
			Base64: base64.StdEncoding.EncodeToString(encoded), JSON: text, Problems: strict.Problems(message),
		})
	})
}

// Write reads NDJSON of records and has the SDK write them to a file of the v1 kind.
func Write(ctx context.Context, path string, in io.Reader) (store.Counts, error) {
	var rows store.Rows
	err := eachRecord(in, func(message proto.Message, err error) error {
		switch record := message.(type) {
		case *v2.ResourceType:
			rows.ResourceTypes = append(rows.ResourceTypes, record)
		case *v2.Resource:
			rows.Resources = append(rows.Resources, record)
		case *v2.Entitlement:
			rows.Entitlements = append(rows.Entitlements, record)
		case *v2.Grant:
			rows.Grants = append(rows.Grants, record)
		default:
			return fmt.Errorf("no record of a sync file: %T, %w", message, err)
		}
		return err
	})
	if err != nil {
		return store.Counts{}, err
	}
	return rows.Counts(), store.Write(ctx, path, "sqlite", 100, &rows, nil)
}

// eachRecord hands over each message, or why it cannot be read.
func eachRecord(in io.Reader, use func(proto.Message, error) error) error {
	lines := json.NewDecoder(in)
	for lines.More() {
		var record Record
		if err := lines.Decode(&record); err != nil {
			return err
		}
		if err := use(decode(record)); err != nil {
			return err
		}
	}
	return nil
}

func decode(record Record) (proto.Message, error) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(record.Type))
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(record.Base64)
	if err != nil {
		return nil, err
	}
	message := kind.New().Interface()
	return message, proto.Unmarshal(raw, message)
}
