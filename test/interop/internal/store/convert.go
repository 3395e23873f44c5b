package store

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"github.com/conductorone/baton-sdk/pkg/dotc1z"
)

// Conversion compares a file with what the SDK's converter to its default engine made of it.
type Conversion struct {
	Engine      string   `json:"engine"`
	SyncID      string   `json:"syncId"`
	Before      Counts   `json:"before"`
	After       Counts   `json:"after"`
	Differences []string `json:"differences"`
	// Altered counts the rows that are there but not equal as whole messages; the engines normalise grants.
	Altered Counts `json:"altered"`
}

// Convert runs the SDK's converter (what `baton to-pebble` calls) and reads both files back.
func Convert(ctx context.Context, from, to string) (*Conversion, error) {
	//nolint:staticcheck // The converter is a method of the concrete SQLite store.
	source, err := dotc1z.NewC1ZFile(ctx, from, dotc1z.WithReadOnly(true))
	if err != nil {
		return nil, err
	}
	stats, err := source.ToPebble(ctx, to, "", dotc1z.WithConvertResolveBehavior(dotc1z.ConvertResolveBehaviorFullFinished))
	if err = errors.Join(err, source.Close(ctx)); err != nil {
		return nil, err
	}
	before, err := Load(ctx, from)
	if err != nil {
		return nil, err
	}
	converted, err := Open(ctx, to)
	if err != nil {
		return nil, err
	}
	after, err := readRows(ctx, converted)
	result := &Conversion{Engine: converted.Metadata().Engine, SyncID: stats.DestSyncID, Differences: []string{}}
	if err = errors.Join(err, converted.Close(ctx)); err != nil {
		return nil, err
	}
	result.Before, result.After = before.Counts(), after.Counts()
	result.compare(before, after)
	if reported := (Counts{int(stats.ResourceTypes.Rows), int(stats.Resources.Rows), int(stats.Entitlements.Rows), int(stats.Grants.Rows)}); reported != result.Before {
		result.Differences = append(result.Differences, fmt.Sprintf("the converter reports %+v", reported))
	}
	if stats.SourceSyncID != stats.DestSyncID {
		result.Differences = append(result.Differences, "the sync id changed")
	}
	if len(stats.DiscardedSyncs) > 0 {
		result.Differences = append(result.Differences, fmt.Sprintf("%d sync runs were discarded", len(stats.DiscardedSyncs)))
	}
	return result, nil
}

func (c *Conversion) compare(before, after *Rows) {
	c.Altered = Counts{
		ResourceTypes: compareRows(c, "resource type", before.ResourceTypes, after.ResourceTypes, (*v2.ResourceType).GetId),
		Resources:     compareRows(c, "resource", before.Resources, after.Resources, func(r *v2.Resource) string { return fmt.Sprint(refOf(r.GetId())) }),
		Entitlements:  compareRows(c, "entitlement", before.Entitlements, after.Entitlements, (*v2.Entitlement).GetId),
		Grants: compareRows(c, "grant", before.Grants, after.Grants, func(g *v2.Grant) string {
			return fmt.Sprint(g.GetId(), " ", g.GetEntitlement().GetId(), refOf(g.GetEntitlement().GetResource().GetId()), refOf(g.GetPrincipal().GetId()))
		}),
	}
}

// compareRows reports keys that are on one side only and returns how many rows differ as messages.
func compareRows[M proto.Message](c *Conversion, kind string, before, after []M, key func(M) string) int {
	remaining := make(map[string]M, len(before))
	for _, row := range before {
		if _, twice := remaining[key(row)]; twice {
			c.Differences = append(c.Differences, fmt.Sprintf("%s %s is there twice", kind, key(row)))
		}
		remaining[key(row)] = row
	}
	altered := 0
	for _, row := range after {
		original, ok := remaining[key(row)]
		if !ok {
			c.Differences = append(c.Differences, fmt.Sprintf("%s %s was added", kind, key(row)))
			continue
		}
		delete(remaining, key(row))
		if !proto.Equal(original, row) {
			altered++
		}
	}
	for lost := range remaining {
		c.Differences = append(c.Differences, fmt.Sprintf("%s %s was lost", kind, lost))
	}
	return altered
}
