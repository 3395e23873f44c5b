package strict

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	baton "github.com/conductorone/baton-sdk/pb/c1/connectorapi/baton/v1"
)

// Field 99 does not exist in any message used here.
var unknownField = []byte{0x98, 0x06, 0x01}

func withUnknown[M proto.Message](t *testing.T, message M) M {
	t.Helper()
	message.ProtoReflect().SetUnknown(unknownField)
	return message
}

func anyOf(t *testing.T, message proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(message)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestProblems(t *testing.T) {
	heartbeat := func(annotations ...*anypb.Any) *baton.BatonServiceHeartbeatRequest {
		return &baton.BatonServiceHeartbeatRequest{HostId: "host", TaskId: strings.Repeat("a", 27), Annotations: annotations}
	}
	for name, test := range map[string]struct {
		message proto.Message
		want    string
	}{
		"clean":                        {heartbeat(anyOf(t, &v2.RoleTrait{})), ""},
		"generated validation":         {&baton.BatonServiceHeartbeatRequest{HostId: "host", TaskId: "short"}, "TaskId"},
		"unknown field at the top":     {withUnknown(t, heartbeat()), "3 bytes of unknown fields"},
		"unknown field inside an Any":  {heartbeat(anyOf(t, withUnknown(t, &v2.RoleTrait{}))), "(RoleTrait)"},
		"validation inside an Any":     {heartbeat(anyOf(t, &v2.UserTrait{Emails: []*v2.UserTrait_Email{{Address: "no"}}})), "email"},
		"a type that nobody knows":     {heartbeat(&anypb.Any{TypeUrl: "type.googleapis.com/c1.connector.v2.Nothing"}), "Nothing"},
		"unknown field in a list item": {&v2.Entitlement{GrantableTo: []*v2.ResourceType{withUnknown(t, &v2.ResourceType{Id: "user"})}}, "grantable_to[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(Problems(test.message), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want it to contain %q", got, test.want)
			}
		})
	}
}
