package sdkconnector

import (
	"context"
	"strings"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"github.com/conductorone/baton-sdk/pkg/types/resource"
)

type users struct{ team *team }

func (*users) ResourceType(context.Context) *v2.ResourceType { return userType }

// List gives every person of the team; those who were removed are disabled.
func (u *users) List(
	ctx context.Context, _ *v2.ResourceId, opts resource.SyncOpAttrs,
) ([]*v2.Resource, *resource.SyncOpResults, error) {
	members, next, err := u.team.page(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	list := make([]*v2.Resource, 0, len(members))
	for index := range members {
		user, err := newUser(&members[index])
		if err != nil {
			return nil, nil, err
		}
		list = append(list, user)
	}
	return list, next, nil
}

func newUser(m *member) (*v2.Resource, error) {
	address := strings.TrimSpace(m.Email)
	traits := []resource.UserTraitOption{
		resource.WithUserLogin(m.Email),
		resource.WithUserProfile(profile(m)),
		resource.WithAccountType(v2.UserTrait_ACCOUNT_TYPE_HUMAN),
	}
	if address != "" {
		traits = append(traits, resource.WithEmail(address, true))
	}
	if m.removed() {
		traits = append(traits, resource.WithDetailedStatus(v2.UserTrait_Status_STATUS_DISABLED, "removed"))
	} else {
		traits = append(traits, resource.WithStatus(v2.UserTrait_Status_STATUS_ENABLED))
	}
	return resource.NewUserResource(displayName(m), userType, m.resourceID(), traits)
}

func displayName(m *member) string {
	if name := strings.TrimSpace(m.Name); name != "" {
		return name
	}
	if local, _, _ := strings.Cut(strings.TrimSpace(m.Email), "@"); local != "" {
		return local
	}
	return m.resourceID()
}

func profile(m *member) map[string]any {
	all := map[string]any{"is_removed": m.removed()}
	first, last, _ := strings.Cut(strings.TrimSpace(m.Name), " ")
	texts := map[string]string{
		"cursor_user_id": m.ID, "email": m.Email, "role": strings.TrimSpace(m.Role),
		"name": strings.TrimSpace(m.Name), "first_name": first, "last_name": strings.TrimSpace(last),
	}
	for key, text := range texts {
		if text != "" {
			all[key] = text
		}
	}
	return all
}

// Entitlements and Grants are never asked for: the type says so.
func (*users) Entitlements(
	context.Context, *v2.Resource, resource.SyncOpAttrs,
) ([]*v2.Entitlement, *resource.SyncOpResults, error) {
	return nil, nil, nil
}

func (*users) Grants(
	context.Context, *v2.Resource, resource.SyncOpAttrs,
) ([]*v2.Grant, *resource.SyncOpResults, error) {
	return nil, nil, nil
}
