package tinyc1

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"

	"google.golang.org/protobuf/encoding/protojson"

	"baton-cursor/test/interop/internal/strict"

	baton "github.com/conductorone/baton-sdk/pb/c1/connectorapi/baton/v1"
)

// A ScriptedTask is one task to hand out, and how to behave while it runs.
type ScriptedTask struct {
	ID string `json:"id"`
	// Type is the name of the task's oneof member, e.g. sync_full.
	Type string `json:"type"`
	// Payload is the task's message in canonical protobuf JSON; {} when absent.
	Payload json.RawMessage `json:"payload"`
	Debug   bool            `json:"debug"`
	// CancelAfterHeartbeats is how many heartbeats are answered normally before one is answered `cancelled`; absent: never.
	CancelAfterHeartbeats *int `json:"cancelAfterHeartbeats"`
}

// task is a scripted task and what has become of it.
type task struct {
	ScriptedTask
	message    *baton.Task
	handedOut  bool
	heartbeats int
	cancelled  bool
	uploads    int
	settled    bool
}

var taskID = regexp.MustCompile(`^[a-zA-Z0-9]{27}$`)

// ReadScript reads a JSON list of tasks.
func ReadScript(in io.Reader) ([]ScriptedTask, error) {
	var tasks []ScriptedTask
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&tasks); err != nil {
		return nil, fmt.Errorf("reading the script: %w", err)
	}
	return tasks, nil
}

func newTasks(script []ScriptedTask) ([]*task, error) {
	var tasks []*task
	for _, scripted := range script {
		if !taskID.MatchString(scripted.ID) {
			return nil, fmt.Errorf("task id %q is not 27 letters and digits", scripted.ID)
		}
		member := (&baton.Task{}).ProtoReflect().Descriptor().Oneofs().ByName("task_type").Fields()
		known := false
		for i := range member.Len() {
			known = known || string(member.Get(i).Name()) == scripted.Type
		}
		if !known {
			return nil, fmt.Errorf("there is no task type %q", scripted.Type)
		}
		payload := scripted.Payload
		if payload == nil {
			payload = json.RawMessage("{}")
		}
		text, err := json.Marshal(map[string]any{"id": scripted.ID, "debug": scripted.Debug, scripted.Type: payload})
		if err != nil {
			return nil, err
		}
		made := &task{ScriptedTask: scripted, message: &baton.Task{}}
		if err := protojson.Unmarshal(text, made.message); err != nil {
			return nil, fmt.Errorf("task %s: %w", scripted.ID, err)
		}
		if problems := strict.Problems(made.message); len(problems) > 0 {
			return nil, fmt.Errorf("task %s of type %s is invalid itself: %q", scripted.ID, scripted.Type, problems)
		}
		tasks = append(tasks, made)
	}
	return tasks, nil
}
