package sdkconnector

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/conductorone/baton-sdk/pkg/uhttp"
	"github.com/grpc-ecosystem/go-grpc-middleware/logging/zap/ctxzap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// member is one row of GET /teams/members (https://cursor.com/docs/account/teams/admin-api).
type member struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Email     string `json:"email"`
	Role      string `json:"role"`
	IsRemoved bool   `json:"isRemoved"`
}

type membersPage struct {
	TeamMembers []member `json:"teamMembers"`
	Pagination  struct {
		HasNextPage bool `json:"hasNextPage"`
		PageSize    int  `json:"pageSize"`
	} `json:"pagination"`
}

// apiError is the body of a refusal.
type apiError struct {
	Text string `json:"message"`
}

// Message makes it an error body that the SDK reads.
func (e *apiError) Message() string { return e.Text }

// client is the Admin API through the SDK's HTTP client, which gives each failure the code by which the syncer decides
// whether to try again.
type client struct {
	http   *uhttp.BaseHttpClient
	base   *url.URL
	apiKey string
}

func newClient(ctx context.Context, apiKey, baseURL string) (*client, error) {
	base, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("cursor-base-url: %w", err)
	}
	transport, err := uhttp.NewClient(ctx, uhttp.WithLogger(true, ctxzap.Extract(ctx)))
	if err != nil {
		return nil, err
	}
	wrapper, err := uhttp.NewBaseHttpClientWithContext(ctx, transport)
	if err != nil {
		return nil, err
	}
	return &client{http: wrapper, base: base, apiKey: apiKey}, nil
}

// read asks for the whole team. A team without members is refused, because one always has an administrator: an empty answer
// must not take everybody's access away.
func (c *client) read(ctx context.Context) ([]member, error) {
	var all []member
	for page, size := 1, 0; ; page++ {
		answer, err := c.page(ctx, page, size)
		if err != nil {
			return nil, err
		}
		all = append(all, answer.TeamMembers...)
		if !answer.Pagination.HasNextPage || len(answer.TeamMembers) == 0 {
			break
		}
		size = answer.Pagination.PageSize
	}
	if len(all) == 0 {
		return nil, status.Error(codes.Internal, "cursor says that the team has no members")
	}
	return all, nil
}

func (c *client) page(ctx context.Context, number, size int) (*membersPage, error) {
	target := c.base.JoinPath("teams", "members")
	if number > 1 {
		query := url.Values{"page": {strconv.Itoa(number)}}
		if size > 0 {
			query.Set("pageSize", strconv.Itoa(size))
		}
		target.RawQuery = query.Encode()
	}
	request, err := c.http.NewRequest(ctx, http.MethodGet, target, uhttp.WithAcceptJSONHeader(), uhttp.WithNoCache())
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(c.apiKey, "")
	var answer membersPage
	response, err := c.http.Do(request, uhttp.WithErrorResponse(&apiError{}), uhttp.WithJSONResponse(&answer))
	if response != nil {
		defer response.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("cursor: list members: %w", err)
	}
	return &answer, nil
}

// roleID is the resource id of a role as Cursor spells it; removed members have none.
func (m *member) roleID() string {
	return strings.NewReplacer("_", "-", ":", "-", " ", "-").Replace(strings.ToLower(strings.TrimSpace(m.Role)))
}

func (m *member) removed() bool { return m.IsRemoved || m.roleID() == "removed" }

// resourceID is Cursor's id, or the e-mail address of a row without one.
func (m *member) resourceID() string {
	if m.ID != "" {
		return m.ID
	}
	return "email:" + strings.ToLower(strings.TrimSpace(m.Email))
}
