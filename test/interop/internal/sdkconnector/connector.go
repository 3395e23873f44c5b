// Package sdkconnector is a Cursor connector as one would write it with the official SDK: the SDK lists, retries, stores,
// uploads and reports; this only reads the team and says what it means.
package sdkconnector

import (
	"context"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"github.com/conductorone/baton-sdk/pkg/annotations"
	"github.com/conductorone/baton-sdk/pkg/connectorbuilder"
)

var (
	userType = v2.ResourceType_builder{
		Id:          "user",
		DisplayName: "User",
		Traits:      []v2.ResourceType_Trait{v2.ResourceType_TRAIT_USER},
		Annotations: annotations.New(&v2.SkipEntitlementsAndGrants{}),
	}.Build()
	roleType = v2.ResourceType_builder{
		Id:          "role",
		DisplayName: "Role",
		Traits:      []v2.ResourceType_Trait{v2.ResourceType_TRAIT_ROLE},
	}.Build()
)

// Connector is a team of Cursor.
type Connector struct{ team *team }

// New makes a connector for the team that the key belongs to.
func New(ctx context.Context, apiKey, baseURL string) (*Connector, error) {
	client, err := newClient(ctx, apiKey, baseURL)
	if err != nil {
		return nil, err
	}
	return &Connector{team: &team{client: client}}, nil
}

// Metadata is what C1 shows of the connector.
func (c *Connector) Metadata(context.Context) (*v2.ConnectorMetadata, error) {
	return v2.ConnectorMetadata_builder{
		DisplayName: "Cursor",
		Description: "Members and roles of a Cursor team",
		HelpUrl:     "https://www.c1.ai/docs/baton/cursor",
	}.Build(), nil
}

// Validate comes first in every sync: it forgets the roster of the last one. The first list reads it anew, and that call the
// syncer repeats when Cursor fails for a moment; what fails here ends the sync.
func (c *Connector) Validate(context.Context) (annotations.Annotations, error) {
	c.team.forget()
	return nil, nil
}

// ResourceSyncers are the two kinds of things in a team.
func (c *Connector) ResourceSyncers(context.Context) []connectorbuilder.ResourceSyncerV2 {
	return []connectorbuilder.ResourceSyncerV2{&users{team: c.team}, &roles{team: c.team}}
}
