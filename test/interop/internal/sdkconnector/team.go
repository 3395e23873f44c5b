package sdkconnector

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/conductorone/baton-sdk/pkg/types/resource"
)

// pageRows is what one answer to the syncer holds. Answers travel between two processes, and gRPC takes 4 MiB at most: that is
// enough for names of a kilobyte each.
const pageRows = 500

// team is the roster of one sync: Cursor gives it in one answer, and the syncer asks for it in many pages.
type team struct {
	client *client

	mutex   sync.Mutex
	members []member
}

// forget makes the next question read the roster anew.
func (t *team) forget() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.members = nil
}

// all is the roster of this sync, read once however many ask at the same time.
func (t *team) all(ctx context.Context) ([]member, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.members == nil {
		members, err := t.client.read(ctx)
		if err != nil {
			return nil, err
		}
		t.members = members
	}
	return t.members, nil
}

// page is the part of the roster that the syncer asks for, and how it asks for the next one.
func (t *team) page(ctx context.Context, opts resource.SyncOpAttrs) ([]member, *resource.SyncOpResults, error) {
	members, err := t.all(ctx)
	if err != nil {
		return nil, nil, err
	}
	start := 0
	if token := opts.PageToken.Token; token != "" {
		if start, err = strconv.Atoi(token); err != nil || start < 0 || start > len(members) {
			return nil, nil, fmt.Errorf("no page begins at %q", token)
		}
	}
	end := min(start+pageRows, len(members))
	results := &resource.SyncOpResults{}
	if end < len(members) {
		results.NextPageToken = strconv.Itoa(end)
	}
	return members[start:end], results, nil
}
