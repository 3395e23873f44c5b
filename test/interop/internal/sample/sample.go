// Package sample makes users, roles and grants with the SDK's own helpers, shaped like what a Cursor team becomes.
package sample

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"baton-cursor/test/interop/internal/store"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"github.com/conductorone/baton-sdk/pkg/annotations"
	"github.com/conductorone/baton-sdk/pkg/types/entitlement"
	"github.com/conductorone/baton-sdk/pkg/types/grant"
	"github.com/conductorone/baton-sdk/pkg/types/resource"
)

var roles = []struct{ id, name string }{{"free-owner", "Free Owner"}, {"member", "Member"}, {"owner", "Owner"}}

// Rows makes the given number of users. The first is an owner, every fiftieth is disabled and holds nothing, the others
// are members.
func Rows(users int) (*store.Rows, error) {
	userType := &v2.ResourceType{
		Id: "user", DisplayName: "User", Traits: []v2.ResourceType_Trait{v2.ResourceType_TRAIT_USER},
		Annotations: annotations.New(&v2.SkipEntitlementsAndGrants{}),
	}
	roleType := &v2.ResourceType{Id: "role", DisplayName: "Role", Traits: []v2.ResourceType_Trait{v2.ResourceType_TRAIT_ROLE}}
	rows := &store.Rows{ResourceTypes: []*v2.ResourceType{roleType, userType}}
	byRole := map[string]*v2.Resource{}
	for _, role := range roles {
		made, err := resource.NewRoleResource(role.name, roleType, role.id, nil)
		if err != nil {
			return nil, err
		}
		byRole[role.id] = made
		rows.Resources = append(rows.Resources, made)
		rows.Entitlements = append(rows.Entitlements, assigned(made, userType))
	}
	for n := range users {
		user, err := newUser(userType, n)
		if err != nil {
			return nil, err
		}
		rows.Resources = append(rows.Resources, user)
		if !disabled(n) {
			rows.Grants = append(rows.Grants, grant.NewGrant(byRole[roleOf(n)], "assigned", user.GetId()))
		}
	}
	return rows, nil
}

func disabled(n int) bool { return n%50 == 49 }

func roleOf(n int) string {
	if n == 0 {
		return "owner"
	}
	return "member"
}

func newUser(userType *v2.ResourceType, n int) (*v2.Resource, error) {
	email := fmt.Sprintf("person%06d@example.com", n)
	status, details := v2.UserTrait_Status_STATUS_ENABLED, ""
	if disabled(n) {
		status, details = v2.UserTrait_Status_STATUS_DISABLED, "removed"
	}
	return resource.NewUserResource(fmt.Sprintf("Person %06d", n), userType, fmt.Sprintf("user_%06d", n), []resource.UserTraitOption{
		resource.WithEmail(email, true),
		resource.WithUserLogin(email),
		resource.WithAccountType(v2.UserTrait_ACCOUNT_TYPE_HUMAN),
		resource.WithDetailedStatus(status, details),
		resource.WithUserProfile(map[string]any{"email": email, "role": roleOf(n), "is_removed": disabled(n)}),
	})
}

func assigned(role *v2.Resource, grantableTo *v2.ResourceType) *v2.Entitlement {
	return entitlement.NewAssignmentEntitlement(role, "assigned",
		entitlement.WithDisplayName(role.GetDisplayName()+" Role Assigned"),
		entitlement.WithDescription("Assigned the "+role.GetDisplayName()+" role in Cursor"),
		entitlement.WithGrantableTo(grantableTo),
		entitlement.WithAnnotation([]proto.Message{&v2.EntitlementImmutable{}}...),
	)
}
