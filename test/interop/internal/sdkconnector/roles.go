package sdkconnector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"github.com/conductorone/baton-sdk/pkg/types/entitlement"
	"github.com/conductorone/baton-sdk/pkg/types/grant"
	"github.com/conductorone/baton-sdk/pkg/types/resource"
)

const assigned = "assigned"

// knownRoles are there even when nobody holds them.
var knownRoles = []string{"free-owner", "member", "owner"}

type roles struct{ team *team }

func (*roles) ResourceType(context.Context) *v2.ResourceType { return roleType }

// List gives the known roles and those that some member has.
func (r *roles) List(
	ctx context.Context, _ *v2.ResourceId, _ resource.SyncOpAttrs,
) ([]*v2.Resource, *resource.SyncOpResults, error) {
	members, err := r.team.all(ctx)
	if err != nil {
		return nil, nil, err
	}
	ids := slices.Clone(knownRoles)
	for index := range members {
		if id := members[index].roleID(); !members[index].removed() && id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	list := make([]*v2.Resource, 0, len(ids))
	for _, id := range ids {
		role, err := resource.NewRoleResource(roleName(id), roleType, id, nil)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, role)
	}
	return list, nil, nil
}

// roleName writes `free-owner` as `Free Owner`.
func roleName(id string) string {
	words := strings.Split(id, "-")
	for index, word := range words {
		if word != "" {
			words[index] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, " ")
}

// Entitlements gives the one thing that can be had of a role. Cursor has no API to change it.
func (*roles) Entitlements(
	_ context.Context, role *v2.Resource, _ resource.SyncOpAttrs,
) ([]*v2.Entitlement, *resource.SyncOpResults, error) {
	return []*v2.Entitlement{entitlement.NewAssignmentEntitlement(role, assigned,
		entitlement.WithDisplayName(fmt.Sprintf("%s Role Assigned", role.GetDisplayName())),
		entitlement.WithDescription(fmt.Sprintf("Assigned the %s role in Cursor", role.GetDisplayName())),
		entitlement.WithGrantableTo(userType),
		entitlement.WithAnnotation(&v2.EntitlementImmutable{}),
	)}, nil, nil
}

// Grants gives one grant for each active member with that role.
func (r *roles) Grants(
	ctx context.Context, role *v2.Resource, opts resource.SyncOpAttrs,
) ([]*v2.Grant, *resource.SyncOpResults, error) {
	members, next, err := r.team.page(ctx, opts)
	if err != nil {
		return nil, nil, err
	}
	var list []*v2.Grant
	for index := range members {
		m := &members[index]
		if m.removed() || m.roleID() != role.GetId().GetResource() {
			continue
		}
		principal, err := resource.NewResourceID(userType, m.resourceID())
		if err != nil {
			return nil, nil, err
		}
		list = append(list, grant.NewGrant(role, assigned, principal))
	}
	return list, next, nil
}
