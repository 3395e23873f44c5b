// Package store reads and writes c1z files through the SDK's public interfaces only.
package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	readerv2 "github.com/conductorone/baton-sdk/pb/c1/reader/v2"
	"github.com/conductorone/baton-sdk/pkg/connectorstore"
	"github.com/conductorone/baton-sdk/pkg/dotc1z"
	"github.com/conductorone/baton-sdk/pkg/dotc1z/c1zstore"
)

// Rows is the content of one sync.
type Rows struct {
	ResourceTypes []*v2.ResourceType
	Resources     []*v2.Resource
	Entitlements  []*v2.Entitlement
	Grants        []*v2.Grant
}

// Counts is the number of rows by kind.
type Counts struct {
	ResourceTypes int `json:"resourceTypes"`
	Resources     int `json:"resources"`
	Entitlements  int `json:"entitlements"`
	Grants        int `json:"grants"`
}

// Counts counts the rows.
func (r *Rows) Counts() Counts {
	return Counts{len(r.ResourceTypes), len(r.Resources), len(r.Entitlements), len(r.Grants)}
}

// Total is the number of rows of all kinds.
func (c Counts) Total() int { return c.ResourceTypes + c.Resources + c.Entitlements + c.Grants }

// Open opens a file read-only, engine chosen by its magic bytes, and pins the latest finished sync, as the baton CLI does.
func Open(ctx context.Context, path string) (c1zstore.Store, error) {
	opened, err := dotc1z.NewStore(ctx, path, dotc1z.WithReadOnly(true))
	if err != nil {
		return nil, err
	}
	latest, err := opened.SyncMeta().LatestFinishedSyncOfAnyType(ctx)
	if err == nil && latest != nil {
		err = opened.SetCurrentSync(ctx, latest.ID)
	}
	if err != nil {
		return nil, errors.Join(err, opened.Close(ctx))
	}
	return opened, nil
}

// Load reads every row of a file's latest finished sync.
func Load(ctx context.Context, path string) (*Rows, error) {
	opened, err := Open(ctx, path)
	if err != nil {
		return nil, err
	}
	rows, err := readRows(ctx, opened)
	return rows, errors.Join(err, opened.Close(ctx))
}

// pages collects what a paged listing returns.
func pages[T any](list func(token string) ([]T, string, error)) ([]T, error) {
	var all []T
	for token := ""; ; {
		items, next, err := list(token)
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
		if next == "" {
			return all, nil
		}
		token = next
	}
}

func readRows(ctx context.Context, reader connectorstore.Reader) (*Rows, error) {
	var rows Rows
	var err error
	rows.ResourceTypes, err = pages(func(token string) ([]*v2.ResourceType, string, error) {
		response, err := reader.ListResourceTypes(ctx, &v2.ResourceTypesServiceListResourceTypesRequest{PageToken: token})
		return response.GetList(), response.GetNextPageToken(), err
	})
	if err != nil {
		return nil, fmt.Errorf("listing resource types: %w", err)
	}
	rows.Resources, err = pages(func(token string) ([]*v2.Resource, string, error) {
		response, err := reader.ListResources(ctx, &v2.ResourcesServiceListResourcesRequest{PageToken: token})
		return response.GetList(), response.GetNextPageToken(), err
	})
	if err != nil {
		return nil, fmt.Errorf("listing resources: %w", err)
	}
	rows.Entitlements, err = pages(func(token string) ([]*v2.Entitlement, string, error) {
		response, err := reader.ListEntitlements(ctx, &v2.EntitlementsServiceListEntitlementsRequest{PageToken: token})
		return response.GetList(), response.GetNextPageToken(), err
	})
	if err != nil {
		return nil, fmt.Errorf("listing entitlements: %w", err)
	}
	rows.Grants, err = pages(func(token string) ([]*v2.Grant, string, error) {
		response, err := reader.ListGrants(ctx, &v2.GrantsServiceListGrantsRequest{PageToken: token})
		return response.GetList(), response.GetNextPageToken(), err
	})
	if err != nil {
		return nil, fmt.Errorf("listing grants: %w", err)
	}
	return &rows, nil
}

func readRuns(ctx context.Context, reader connectorstore.Reader) ([]*readerv2.SyncRun, error) {
	return pages(func(token string) ([]*readerv2.SyncRun, string, error) {
		response, err := reader.ListSyncs(ctx, &readerv2.SyncsReaderServiceListSyncsRequest{PageToken: token})
		return response.GetSyncs(), response.GetNextPageToken(), err
	})
}

// Stage tells a Write's observer which part has just ended.
type Stage string

// The stages of Write, in order.
const (
	StageOpen  Stage = "open"
	StagePut   Stage = "put"
	StageEnd   Stage = "end"
	StageClose Stage = "close"
)

// Write makes a new file in the order of the SDK's syncer: start a full sync, put in batches, end the sync, close (which
// packs the file). The syncer's Cleanup is left out: a fresh file has nothing to delete, and its VACUUM only costs time.
// observe may be nil; it gets the open store before it is closed.
func Write(ctx context.Context, path, engine string, batch int, rows *Rows, observe func(Stage, c1zstore.Store)) error {
	if engine != string(c1zstore.EngineSQLite) && engine != string(c1zstore.EnginePebble) {
		return fmt.Errorf("unknown engine %q", engine)
	}
	if observe == nil {
		observe = func(Stage, c1zstore.Store) {}
	}
	opened, err := dotc1z.NewStore(ctx, path, dotc1z.WithEngine(c1zstore.Engine(engine)))
	if err != nil {
		return err
	}
	if err := fill(ctx, opened, batch, rows, observe); err != nil {
		return errors.Join(err, opened.Close(ctx))
	}
	if err := opened.Close(ctx); err != nil {
		return err
	}
	observe(StageClose, opened)
	return nil
}

func fill(ctx context.Context, writer c1zstore.Store, batch int, rows *Rows, observe func(Stage, c1zstore.Store)) error {
	syncID, err := writer.StartNewSync(ctx, connectorstore.SyncTypeFull, "")
	if err != nil {
		return err
	}
	observe(StageOpen, writer)
	err = errors.Join(
		inBatches(ctx, rows.ResourceTypes, batch, writer.PutResourceTypes),
		inBatches(ctx, rows.Resources, batch, writer.PutResources),
		inBatches(ctx, rows.Entitlements, batch, writer.PutEntitlements),
		inBatches(ctx, rows.Grants, batch, writer.PutGrants),
	)
	if err != nil {
		return err
	}
	observe(StagePut, writer)
	err = errors.Join(
		writer.SyncMeta().MarkSyncSupportsDiff(ctx, syncID),
		writer.CheckpointSync(ctx, `{"version":1}`),
		writer.EndSync(ctx),
	)
	observe(StageEnd, writer)
	return err
}

func inBatches[T any](ctx context.Context, rows []T, size int, put func(context.Context, ...T) error) error {
	for chunk := range slices.Chunk(rows, size) {
		if err := put(ctx, chunk...); err != nil {
			return err
		}
	}
	return nil
}
