package peer

import (
	"bytes"
	"strings"
	"testing"
)

func marshal(t *testing.T, lines string) string {
	t.Helper()
	var out bytes.Buffer
	if err := Marshal(strings.NewReader(lines), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// c1.connector.v2.ResourceId with resource_type "a" and resource "b".
const plain = `{"type":"c1.connector.v2.ResourceId","base64":"CgFhEgFi"}`

func TestMarshalKeepsWhatIsCanonical(t *testing.T) {
	if got := marshal(t, plain); !strings.Contains(got, `"base64":"CgFhEgFi"`) || !strings.Contains(got, `"problems":null`) {
		t.Error(got)
	}
}

func TestMarshalTellsWhatIsNot(t *testing.T) {
	for name, planted := range map[string][2]string{
		"fields in another order": {"EgFiCgFh", `"base64":"CgFhEgFi"`},
		"an unknown field":        {"CgFhEgFimgYBeA==", "unknown fields"},
		"bytes that are no UTF-8": {"CgH/EgFi", "UTF-8"},
		"half a message":          {"CgFhEgF", "illegal base64"},
		"a field that is cut off": {"CgFhEgJi", "cannot parse"},
	} {
		got := marshal(t, `{"type":"c1.connector.v2.ResourceId","base64":"`+planted[0]+`"}`)
		if !strings.Contains(got, planted[1]) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestWriteRefusesOtherMessages(t *testing.T) {
	if _, err := Write(t.Context(), t.TempDir()+"/out.c1z", strings.NewReader(plain)); err == nil {
		t.Error("a resource id was taken for a record")
	}
}
