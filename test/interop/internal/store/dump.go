package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	readerv2 "github.com/conductorone/baton-sdk/pb/c1/reader/v2"
	"github.com/conductorone/baton-sdk/pkg/connectorstore"
)

// Dump is what the SDK's reader makes of a file.
type Dump struct {
	Engine        string            `json:"engine"`
	Format        string            `json:"format"`
	Syncs         []SyncRun         `json:"syncs"`
	Counts        Counts            `json:"counts"`
	Stats         map[string]int64  `json:"stats"`
	ResourceTypes []json.RawMessage `json:"resourceTypes"`
	Resources     []Resource        `json:"resources"`
	Entitlements  []Entitlement     `json:"entitlements"`
	Grants        []Grant           `json:"grants"`
	// Problems are breaches that the lenient reader passes over (see Inspect); v1 files only.
	Problems []string `json:"problems"`
}

// SyncRun is one row of the run table.
type SyncRun struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	StartedAt string          `json:"startedAt"`
	EndedAt   string          `json:"endedAt"`
	Token     string          `json:"token"`
	ParentID  string          `json:"parentId"`
	Stats     json.RawMessage `json:"stats"`
}

// Ref names a resource.
type Ref struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Resource is a user or role as listed.
type Resource struct {
	Ref
	DisplayName    string            `json:"displayName"`
	Status         string            `json:"status"`
	StatusDetails  string            `json:"statusDetails"`
	AnnotationURLs []string          `json:"annotationUrls"`
	Annotations    []json.RawMessage `json:"annotations"`
	Profile        json.RawMessage   `json:"profile"`
}

// Entitlement is an entitlement as listed.
type Entitlement struct {
	ID             string   `json:"id"`
	Slug           string   `json:"slug"`
	DisplayName    string   `json:"displayName"`
	Description    string   `json:"description"`
	Purpose        string   `json:"purpose"`
	Resource       Ref      `json:"resource"`
	GrantableTo    []string `json:"grantableTo"`
	AnnotationURLs []string `json:"annotationUrls"`
}

// Grant is a grant as listed.
type Grant struct {
	ID             string   `json:"id"`
	EntitlementID  string   `json:"entitlementId"`
	Resource       Ref      `json:"resource"`
	Principal      Ref      `json:"principal"`
	AnnotationURLs []string `json:"annotationUrls"`
}

// NewDump reads a file through the SDK's public reader, and looks behind it where the file is of the v1 kind.
func NewDump(ctx context.Context, path string) (dump *Dump, err error) {
	opened, err := Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close(ctx)) }()
	rows, err := readRows(ctx, opened)
	if err != nil {
		return nil, err
	}
	runs, err := readRuns(ctx, opened)
	if err != nil {
		return nil, err
	}
	meta := opened.Metadata()
	dump = &Dump{Engine: meta.Engine, Format: meta.Format, Counts: rows.Counts(), Problems: []string{}}
	for _, run := range runs {
		// A listing leaves the statistics out of a run on SQLite.
		stats, err := opened.SyncMeta().StatsV2(ctx, connectorstore.SyncType(run.GetSyncType()), run.GetId())
		if err != nil {
			return nil, err
		}
		dump.Syncs = append(dump.Syncs, newSyncRun(run, stats))
	}
	if dump.Stats, err = opened.SyncMeta().Stats(ctx, connectorstore.SyncTypeAny, ""); err != nil {
		return nil, err
	}
	dump.add(rows)
	if meta.Format == "v1" {
		dump.Problems, err = Inspect(ctx, path)
	}
	return dump, err
}

func (d *Dump) add(rows *Rows) {
	for _, resourceType := range rows.ResourceTypes {
		d.ResourceTypes = append(d.ResourceTypes, JSON(resourceType))
	}
	for _, resource := range rows.Resources {
		d.Resources = append(d.Resources, newResource(resource))
	}
	for _, entitlement := range rows.Entitlements {
		d.Entitlements = append(d.Entitlements, newEntitlement(entitlement))
	}
	for _, grant := range rows.Grants {
		d.Grants = append(d.Grants, Grant{
			ID:             grant.GetId(),
			EntitlementID:  grant.GetEntitlement().GetId(),
			Resource:       refOf(grant.GetEntitlement().GetResource().GetId()),
			Principal:      refOf(grant.GetPrincipal().GetId()),
			AnnotationURLs: typeURLs(grant.GetAnnotations()),
		})
	}
}

func newSyncRun(run *readerv2.SyncRun, stats *readerv2.SyncStats) SyncRun {
	return SyncRun{
		ID: run.GetId(), Type: run.GetSyncType(), Token: run.GetSyncToken(), ParentID: run.GetParentSyncId(),
		StartedAt: instant(run.GetStartedAt()), EndedAt: instant(run.GetEndedAt()), Stats: JSON(stats),
	}
}

func newResource(resource *v2.Resource) Resource {
	dumped := Resource{
		Ref:            refOf(resource.GetId()),
		DisplayName:    resource.GetDisplayName(),
		Status:         resource.GetStatus().GetStatus().String(),
		StatusDetails:  resource.GetStatus().GetDetails(),
		AnnotationURLs: typeURLs(resource.GetAnnotations()),
		Profile:        JSON(resource.GetProfile()),
	}
	for _, annotation := range resource.GetAnnotations() {
		dumped.Annotations = append(dumped.Annotations, JSON(annotation))
	}
	return dumped
}

func newEntitlement(entitlement *v2.Entitlement) Entitlement {
	dumped := Entitlement{
		ID:             entitlement.GetId(),
		Slug:           entitlement.GetSlug(),
		DisplayName:    entitlement.GetDisplayName(),
		Description:    entitlement.GetDescription(),
		Purpose:        entitlement.GetPurpose().String(),
		Resource:       refOf(entitlement.GetResource().GetId()),
		GrantableTo:    []string{},
		AnnotationURLs: typeURLs(entitlement.GetAnnotations()),
	}
	for _, resourceType := range entitlement.GetGrantableTo() {
		dumped.GrantableTo = append(dumped.GrantableTo, resourceType.GetId())
	}
	return dumped
}

// JSON is the canonical JSON form of a message; an Any whose type is unknown here becomes its type URL alone.
func JSON(message proto.Message) json.RawMessage {
	if !message.ProtoReflect().IsValid() {
		return json.RawMessage("null")
	}
	text, err := protojson.Marshal(message)
	if err != nil {
		text, _ = json.Marshal(map[string]string{"unprintable": err.Error()})
	}
	return text
}

func refOf(id *v2.ResourceId) Ref { return Ref{Type: id.GetResourceType(), ID: id.GetResource()} }

func typeURLs(annotations []*anypb.Any) []string {
	urls := make([]string, 0, len(annotations))
	for _, annotation := range annotations {
		urls = append(urls, annotation.GetTypeUrl())
	}
	return urls
}

func instant(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return at.AsTime().UTC().Format(time.RFC3339Nano)
}
