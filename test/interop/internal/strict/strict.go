// Package strict finds what a lenient protobuf decoder lets pass: unknown fields, and fields that break the rules that
// the official generated validation knows.
package strict

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// Problems lists what is wrong with a decoded message: its generated validation (ValidateAll, which does not look inside
// an Any), and, at every depth and inside every Any, unknown fields, unregistered types and their own validation.
func Problems(message proto.Message) []string {
	var problems []string
	check("", message.ProtoReflect(), &problems)
	return append(validate("", message), problems...)
}

func validate(path string, message proto.Message) []string {
	validator, ok := message.(interface{ ValidateAll() error })
	if !ok {
		return nil
	}
	if err := validator.ValidateAll(); err != nil {
		return []string{fmt.Sprintf("%s%v", prefix(path), err)}
	}
	return nil
}

func check(path string, message protoreflect.Message, problems *[]string) {
	if unknown := message.GetUnknown(); len(unknown) > 0 {
		*problems = append(*problems, fmt.Sprintf("%s%s has %d bytes of unknown fields", prefix(path), message.Descriptor().FullName(), len(unknown)))
	}
	if payload, ok := message.Interface().(*anypb.Any); ok {
		checkAny(path, payload, problems)
		return
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		checkField(path+"."+string(field.Name()), field, value, problems)
		return true
	})
}

func checkField(path string, field protoreflect.FieldDescriptor, value protoreflect.Value, problems *[]string) {
	switch {
	case field.IsMap():
		if field.MapValue().Message() == nil {
			return
		}
		value.Map().Range(func(key protoreflect.MapKey, entry protoreflect.Value) bool {
			check(fmt.Sprintf("%s[%q]", path, key.String()), entry.Message(), problems)
			return true
		})
	case field.Message() == nil:
	case field.IsList():
		list := value.List()
		for i := range list.Len() {
			check(fmt.Sprintf("%s[%d]", path, i), list.Get(i).Message(), problems)
		}
	default:
		check(path, value.Message(), problems)
	}
}

func checkAny(path string, payload *anypb.Any, problems *[]string) {
	content, err := payload.UnmarshalNew()
	if err != nil {
		*problems = append(*problems, fmt.Sprintf("%sAny of %q: %v", prefix(path), payload.GetTypeUrl(), err))
		return
	}
	inside := path + "(" + string(content.ProtoReflect().Descriptor().Name()) + ")"
	*problems = append(*problems, validate(inside, content)...)
	check(inside, content.ProtoReflect(), problems)
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}
