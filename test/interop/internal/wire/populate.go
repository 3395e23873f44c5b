package wire

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
)

// depthLimit is where recursion ends: messages at this depth are present but empty. Every type has copies of its own, so
// what lies deeper is covered there.
const depthLimit = 3

// A filler sets every field of a message to something that a sloppy codec would lose.
type filler struct {
	// arm chooses the member of each oneof.
	arm int
	// hollow sets what has presence (submessages, optional scalars, oneof members) to its empty value.
	hollow bool
	serial int
}

// copies is how many fillers it takes until each oneof member of the message was set once.
func copies(message protoreflect.MessageDescriptor) int {
	most := 1
	for i := range message.Oneofs().Len() {
		most = max(most, message.Oneofs().Get(i).Fields().Len())
	}
	return most
}

func (f *filler) fill(message protoreflect.Message, depth int) error {
	switch known := message.Interface().(type) {
	case *anypb.Any:
		return f.fillAny(known)
	case *structpb.Struct:
		known.Fields = f.structure().GetFields()
		return nil
	case *structpb.Value:
		known.Kind = structpb.NewStructValue(f.structure()).GetKind()
		return nil
	case *structpb.ListValue:
		known.Values = []*structpb.Value{structpb.NewBoolValue(true), structpb.NewStringValue("ü")}
		return nil
	case *timestamppb.Timestamp:
		f.serial++
		known.Seconds, known.Nanos = 1_750_000_000+int64(f.serial), 999_999_999
		return nil
	}
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		if field := fields.Get(i); f.chosen(field, depth) {
			if err := f.fillField(message, field, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// chosen says whether this copy sets a field: all are, except the members of a oneof that are not up now.
func (f *filler) chosen(field protoreflect.FieldDescriptor, depth int) bool {
	oneof := field.ContainingOneof()
	if oneof == nil || oneof.IsSynthetic() {
		return true
	}
	return oneof.Fields().Get((f.arm+depth)%oneof.Fields().Len()) == field
}

func (f *filler) fillField(message protoreflect.Message, field protoreflect.FieldDescriptor, depth int) error {
	switch {
	case f.hollow:
		return f.fillHollow(message, field)
	case field.IsMap():
		entries := message.Mutable(field).Map()
		for range 2 {
			value, err := f.value(field.MapValue(), entries.NewValue, depth)
			if err != nil {
				return err
			}
			key, err := f.value(field.MapKey(), nil, depth)
			if err != nil {
				return err
			}
			entries.Set(key.MapKey(), value)
		}
	case field.IsList():
		list := message.Mutable(field).List()
		for range 2 {
			value, err := f.value(field, list.NewElement, depth)
			if err != nil {
				return err
			}
			list.Append(value)
		}
	default:
		value, err := f.value(field, func() protoreflect.Value { return message.NewField(field) }, depth)
		if err != nil {
			return err
		}
		message.Set(field, value)
	}
	return nil
}

func (f *filler) fillHollow(message protoreflect.Message, field protoreflect.FieldDescriptor) error {
	if !field.HasPresence() {
		return nil
	}
	if field.Message() != nil {
		message.Set(field, message.NewField(field))
		return nil
	}
	message.Set(field, field.Default())
	return nil
}

// value makes a non-zero value; the numbers are ones that a double, a signed or a short integer would damage.
func (f *filler) value(field protoreflect.FieldDescriptor, fresh func() protoreflect.Value, depth int) (protoreflect.Value, error) {
	f.serial++
	n := f.serial
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true), nil
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(fmt.Sprintf("%s-%d-ü🧸", field.Name(), n)), nil
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{0, 0xff, 0xfe, byte(n)}), nil
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(min(1+n%max(values.Len()-1, 1), values.Len()-1)).Number()), nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(math.MinInt32 + int32(n)), nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(math.MinInt64 + int64(n)), nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(math.MaxUint32 - uint32(n)), nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(math.MaxUint64 - uint64(n)), nil
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n) + 0.25), nil
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n) + 0.1), nil
	case protoreflect.MessageKind:
		inner := fresh()
		if depth+1 >= depthLimit {
			return inner, nil
		}
		return inner, f.fill(inner.Message(), depth+1)
	default:
		return protoreflect.Value{}, fmt.Errorf("%s: no value for kind %s", field.FullName(), field.Kind())
	}
}

// fillAny packs, in turn, an empty message (an Any without value bytes), one with a string and one with a map.
func (f *filler) fillAny(target *anypb.Any) error {
	f.serial++
	payloads := []proto.Message{
		&v2.RoleTrait{},
		&v2.UserTrait{Emails: []*v2.UserTrait_Email{{Address: "ü@example.com", IsPrimary: true}}, Login: fmt.Sprint("login-", f.serial)},
		&v2.GrantImmutable{SourceId: "source", Metadata: f.structure()},
	}
	return anypb.MarshalFrom(target, payloads[f.serial%len(payloads)], proto.MarshalOptions{Deterministic: true})
}

func (f *filler) structure() *structpb.Struct {
	f.serial++
	return &structpb.Struct{Fields: map[string]*structpb.Value{
		"null":   structpb.NewNullValue(),
		"number": structpb.NewNumberValue(float64(f.serial) + 0.5),
		"text":   structpb.NewStringValue("ü🧸"),
		"truth":  structpb.NewBoolValue(false),
		"list":   structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(-0.1), structpb.NewStringValue("")}}),
		"nested": structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"empty": structpb.NewStructValue(&structpb.Struct{})}}),
	}}
}
