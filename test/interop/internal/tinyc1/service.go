package tinyc1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails" // Also registers the details that a status may carry.
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"baton-cursor/test/interop/internal/store"

	baton "github.com/conductorone/baton-sdk/pb/c1/connectorapi/baton/v1"
)

var _ = (*errdetails.ErrorInfo)(nil)

const (
	pollEvery      = 200 * time.Millisecond
	heartbeatEvery = time.Second
)

// service is the control plane's side of the protocol: it hands out the scripted tasks in order, one sync at a time.
type service struct {
	baton.UnimplementedBatonServiceServer
	journal *journal
	saveDir string

	mu      sync.Mutex
	tasks   []*task
	done    chan struct{}
	greeted bool
}

func newService(script []ScriptedTask, saveDir string, journal *journal) (*service, error) {
	tasks, err := newTasks(script)
	if err != nil {
		return nil, err
	}
	s := &service{journal: journal, saveDir: saveDir, tasks: tasks, done: make(chan struct{})}
	if len(tasks) == 0 {
		return nil, errors.New("the script has no task")
	}
	return s, nil
}

func (s *service) Hello(_ context.Context, request *baton.BatonServiceHelloRequest) (*baton.BatonServiceHelloResponse, error) {
	s.journal.event("hello", map[string]any{"hostId": request.GetHostId(), "taskId": request.GetTaskId(), "request": store.JSON(request)})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.greeted = true
	if request.GetTaskId() != "" {
		greeting, err := s.running("Hello", request.GetTaskId())
		if err != nil {
			return nil, err
		}
		if greeting.Type != "hello" {
			return nil, s.violate("Hello", codes.FailedPrecondition, "task "+greeting.ID+" is no hello task")
		}
		s.settle(greeting)
	}
	return &baton.BatonServiceHelloResponse{}, nil
}

func (s *service) GetTask(_ context.Context, request *baton.BatonServiceGetTaskRequest) (*baton.BatonServiceGetTaskResponse, error) {
	next := s.next("GetTask")
	response := &baton.BatonServiceGetTaskResponse{NextPoll: durationpb.New(pollEvery), NextHeartbeat: durationpb.New(heartbeatEvery)}
	event := map[string]string{"hostId": request.GetHostId()}
	if next != nil {
		response.Task = next.message
		event["taskId"], event["type"] = next.ID, next.Type
	} else {
		response.Task = &baton.Task{TaskType: &baton.Task_None{None: &baton.Task_NoneTask{}}}
	}
	s.journal.event("getTask", event)
	return response, nil
}

func (s *service) GetTasks(_ context.Context, request *baton.BatonServiceGetTasksRequest) (*baton.BatonServiceGetTasksResponse, error) {
	response := &baton.BatonServiceGetTasksResponse{NextPoll: durationpb.New(pollEvery), NextHeartbeat: durationpb.New(heartbeatEvery)}
	ids := []string{}
	for len(response.GetTasks()) < int(request.GetPageSize()) {
		next := s.next("GetTasks")
		if next == nil {
			break
		}
		response.Tasks = append(response.Tasks, next.message)
		ids = append(ids, next.ID)
	}
	s.journal.event("getTasks", map[string]any{"hostId": request.GetHostId(), "knownTaskIds": request.GetKnownTaskIds(), "taskIds": ids})
	return response, nil
}

// next is the first task that nobody has yet, unless it is a sync and one is running.
func (s *service) next(method string) *task {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.greeted {
		_ = s.violate(method, codes.FailedPrecondition, "polled before Hello")
	}
	syncing := false
	for _, candidate := range s.tasks {
		syncing = syncing || candidate.Type == "sync_full" && candidate.handedOut && !candidate.settled
	}
	for _, candidate := range s.tasks {
		if candidate.handedOut {
			continue
		}
		if candidate.Type == "sync_full" && syncing {
			return nil
		}
		candidate.handedOut = true
		return candidate
	}
	return nil
}

func (s *service) Heartbeat(_ context.Context, request *baton.BatonServiceHeartbeatRequest) (*baton.BatonServiceHeartbeatResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended(request.GetTaskId()) { // One that was under way when the task ended is no breach.
		s.journal.event("lateHeartbeat", map[string]string{"taskId": request.GetTaskId()})
		return nil, status.Error(codes.NotFound, "the task has ended")
	}
	beating, err := s.running("Heartbeat", request.GetTaskId())
	if err != nil {
		return nil, err
	}
	if beating.Type != "sync_full" {
		return nil, s.violate("Heartbeat", codes.FailedPrecondition, "only syncs have heartbeats, not "+beating.Type)
	}
	if limit := beating.CancelAfterHeartbeats; limit != nil && beating.heartbeats >= *limit {
		beating.cancelled = true
	}
	beating.heartbeats++
	s.journal.event("heartbeat", map[string]any{"taskId": beating.ID, "number": beating.heartbeats, "cancelled": beating.cancelled})
	if beating.cancelled && beating.heartbeats == 1 {
		s.settle(beating) // Cancelled before it began: such a task is dropped without an end report.
	}
	return &baton.BatonServiceHeartbeatResponse{NextHeartbeat: durationpb.New(heartbeatEvery), Cancelled: beating.cancelled}, nil
}

// A finish is how a task ended, as the journal shows it.
type finish struct {
	TaskID       string            `json:"taskId"`
	Type         string            `json:"type"`
	OK           bool              `json:"ok"`
	Code         int32             `json:"code"`
	Message      string            `json:"message"`
	Details      []json.RawMessage `json:"details"`
	NonRetryable bool              `json:"nonRetryable"`
	Annotations  []json.RawMessage `json:"annotations"`
	Response     json.RawMessage   `json:"response"`
	Cancelled    bool              `json:"cancelled"`
	Uploads      int               `json:"uploads"`
}

func (s *service) FinishTask(_ context.Context, request *baton.BatonServiceFinishTaskRequest) (*baton.BatonServiceFinishTaskResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ending, err := s.running("FinishTask", request.GetTaskId())
	if err != nil {
		return nil, err
	}
	if problem := finishProblem(ending, request); problem != "" {
		return nil, s.violate("FinishTask", codes.InvalidArgument, problem)
	}
	report := finish{
		TaskID: ending.ID, Type: ending.Type, OK: request.GetSuccess() != nil, Cancelled: ending.cancelled, Uploads: ending.uploads,
		Code: request.GetStatus().GetCode(), Message: request.GetStatus().GetMessage(), Details: packed(request.GetStatus().GetDetails()),
	}
	if report.OK {
		report.Annotations, report.Response = packed(request.GetSuccess().GetAnnotations()), store.JSON(request.GetSuccess().GetResponse())
	} else {
		report.NonRetryable = request.GetError().GetNonRetryable()
		report.Annotations, report.Response = packed(request.GetError().GetAnnotations()), store.JSON(request.GetError().GetResponse())
	}
	s.journal.event("finish", report)
	s.settle(ending)
	return &baton.BatonServiceFinishTaskResponse{}, nil
}

// finishProblem is what the generated validation cannot know: how the parts of an end report depend on each other.
func finishProblem(ending *task, request *baton.BatonServiceFinishTaskRequest) string {
	success := request.GetSuccess() != nil
	switch code := codes.Code(request.GetStatus().GetCode()); {
	case ending.Type == "hello":
		return "a hello task has no end report"
	case success && request.GetStatus() != nil:
		return "a success with a status"
	case !success && (request.GetStatus() == nil || code == codes.OK):
		return "an error without a code"
	case !success && (code > codes.Unauthenticated || request.GetStatus().GetMessage() == ""):
		return fmt.Sprintf("an error with code %d and message %q", code, request.GetStatus().GetMessage())
	case success && ending.Type == "sync_full" && ending.uploads == 0:
		return "a sync that succeeded without an upload"
	}
	return ""
}

func packed(payloads []*anypb.Any) []json.RawMessage {
	printed := []json.RawMessage{}
	for _, payload := range payloads {
		printed = append(printed, store.JSON(payload))
	}
	return printed
}

func (s *service) ended(id string) bool {
	return slices.ContainsFunc(s.tasks, func(known *task) bool { return known.ID == id && known.settled })
}

// running finds a task that was handed out and has not ended.
func (s *service) running(method, id string) (*task, error) {
	for _, known := range s.tasks {
		if known.ID != id {
			continue
		}
		if !known.handedOut || known.settled {
			return nil, s.violate(method, codes.NotFound, "task "+id+" is not running")
		}
		return known, nil
	}
	return nil, s.violate(method, codes.NotFound, "there is no task "+id)
}

func (s *service) violate(method string, code codes.Code, problem string) error {
	s.journal.violation(method, problem)
	return status.Error(code, problem)
}

func (s *service) settle(ended *task) {
	ended.settled = true
	for _, other := range s.tasks {
		if !other.settled {
			return
		}
	}
	select {
	case <-s.done:
	default:
		close(s.done)
	}
}

// unsettled lists the tasks that have not ended.
func (s *service) unsettled() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for _, known := range s.tasks {
		if !known.settled {
			ids = append(ids, known.ID)
		}
	}
	return ids
}
