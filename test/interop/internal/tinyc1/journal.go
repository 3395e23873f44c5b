package tinyc1

import (
	"encoding/json"
	"io"
	"sync"
)

// A journal prints one JSON line per event and remembers whether any of them was a violation.
type journal struct {
	mu         sync.Mutex
	lines      *json.Encoder
	violations []string
}

func newJournal(out io.Writer) *journal { return &journal{lines: json.NewEncoder(out)} }

// event prints one line; the kind comes first for a reader's eye.
func (j *journal) event(kind string, fields any) {
	body, err := json.Marshal(fields)
	if err != nil {
		body, _ = json.Marshal(map[string]string{"unprintable": err.Error()})
	}
	head, _ := json.Marshal(kind)
	line := append([]byte(`{"event":`), head...)
	if len(body) > 2 {
		line = append(append(line, ','), body[1:]...)
	} else {
		line = append(line, '}')
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = j.lines.Encode(json.RawMessage(line))
}

// violation prints and counts a breach of the protocol.
func (j *journal) violation(method, problem string) {
	j.mu.Lock()
	j.violations = append(j.violations, method+": "+problem)
	j.mu.Unlock()
	j.event("violation", map[string]string{"method": method, "error": problem})
}

func (j *journal) found() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string{}, j.violations...)
}
