package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func encoded(t *testing.T) []Line {
	t.Helper()
	var out bytes.Buffer
	if err := Encode(&out); err != nil {
		t.Fatal(err)
	}
	var lines []Line
	for _, text := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var line Line
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// Every field of every message is set in at least one copy, so nothing is left out of the comparison silently.
func TestEncodeSetsEveryField(t *testing.T) {
	set := map[protoreflect.FullName]bool{}
	messages := map[protoreflect.FullName]protoreflect.MessageDescriptor{}
	for _, line := range encoded(t) {
		message, err := decode(line.Type, line.Base64)
		if err != nil {
			t.Fatal(err)
		}
		descriptor := message.ProtoReflect().Descriptor()
		messages[descriptor.FullName()] = descriptor
		message.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			set[field.FullName()] = true
			return true
		})
	}
	for _, descriptor := range messages {
		if strings.HasPrefix(string(descriptor.FullName()), "google.protobuf.") {
			continue
		}
		for i := range descriptor.Fields().Len() {
			if name := descriptor.Fields().Get(i).FullName(); !set[name] {
				t.Errorf("%s is never set", name)
			}
		}
	}
}

func TestCheckFindsALostField(t *testing.T) {
	var in bytes.Buffer
	lines := encoded(t)
	for _, line := range lines {
		line.Original = line.Base64
		if strings.HasSuffix(line.Type, ".v2.Grant") && len(line.Base64) > 40 {
			message, err := decode(line.Type, line.Base64)
			if err != nil {
				t.Fatal(err)
			}
			message.ProtoReflect().Clear(message.ProtoReflect().Descriptor().Fields().ByName("principal"))
			raw, err := proto.Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			line.Base64 = base64.StdEncoding.EncodeToString(raw)
		}
		if err := json.NewEncoder(&in).Encode(line); err != nil {
			t.Fatal(err)
		}
	}
	result, err := Check(&in)
	if err != nil {
		t.Fatal(err)
	}
	if result.Checked != len(lines) || len(result.Mismatches) != 1 || result.Mismatches[0].Type != "c1.connector.v2.Grant" {
		t.Errorf("got %+v", result)
	}
}
