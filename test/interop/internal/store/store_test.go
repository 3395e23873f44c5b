package store_test

import (
	"path/filepath"
	"strings"
	"testing"

	"baton-cursor/test/interop/internal/sample"
	"baton-cursor/test/interop/internal/store"
)

func sampleFile(t *testing.T, engine string) string {
	t.Helper()
	rows, err := sample.Rows(60)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), engine+".c1z")
	if err := store.Write(t.Context(), path, engine, 7, rows, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDumpOfBothEngines(t *testing.T) {
	want := store.Counts{ResourceTypes: 2, Resources: 63, Entitlements: 3, Grants: 59}
	for engine, format := range map[string]string{"sqlite": "v1", "pebble": "v3"} {
		dump, err := store.NewDump(t.Context(), sampleFile(t, engine))
		if err != nil {
			t.Fatal(err)
		}
		if dump.Engine != engine || dump.Format != format || dump.Counts != want || len(dump.Syncs) != 1 || dump.Syncs[0].EndedAt == "" || len(dump.Problems) > 0 {
			t.Errorf("%s: %s %s %+v %+v %q", engine, dump.Engine, dump.Format, dump.Counts, dump.Syncs, dump.Problems)
		}
	}
}

func TestConvertKeepsEveryRow(t *testing.T) {
	result, err := store.Convert(t.Context(), sampleFile(t, "sqlite"), filepath.Join(t.TempDir(), "out.c1z"))
	if err != nil {
		t.Fatal(err)
	}
	if result.Engine != "pebble" || result.Before.Total() != 127 || result.Before != result.After || len(result.Differences) > 0 {
		t.Errorf("%+v", result)
	}
}

func TestInspectFindsPlantedFaults(t *testing.T) {
	for name, test := range map[string]struct{ fault, want string }{
		"no fault":                {`SELECT 1`, ""},
		"an index is missing":     {`DROP INDEX idx_grants_principal_id_v1`, "the schema lacks"},
		"an index too many":       {`CREATE INDEX extra ON v1_grants (id)`, "in addition"},
		"another default":         {`ALTER TABLE v1_assets ADD COLUMN more text DEFAULT 'x'`, "in addition"},
		"a time with a zone":      {`UPDATE v1_sync_runs SET ended_at = '2026-01-01T00:00:00Z'`, "v1_sync_runs.ended_at"},
		"a number for a time":     {`UPDATE v1_grants SET discovered_at = 1`, "v1_grants.discovered_at"},
		"a column off its blob":   {`UPDATE v1_grants SET principal_resource_id = 'x' WHERE id = 1`, "do not follow"},
		"a blob stored as text":   {`UPDATE v1_resource_types SET data = CAST(data AS TEXT) WHERE id = 1`, "stored as text"},
		"an unknown field":        {`UPDATE v1_resources SET data = CAST(data || x'980601' AS BLOB) WHERE id = 1`, "unknown fields"},
		"a blob that is cut off":  {`UPDATE v1_entitlements SET data = substr(data, 1, 20) WHERE id = 1`, "v1_entitlements"},
		"a name longer than 1024": {`UPDATE v1_resource_types SET data = CAST(x'0a8108' || CAST(zeroblob(1025) AS BLOB) AS BLOB) WHERE id = 1`, "ResourceType"},
	} {
		t.Run(name, func(t *testing.T) {
			db, closeDB, err := store.OpenDatabase(t.Context(), sampleFile(t, "sqlite"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = closeDB() }()
			if _, err := db.ExecContext(t.Context(), test.fault); err != nil {
				t.Fatal(err)
			}
			problems, err := store.InspectDatabase(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(problems, "\n"); test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want it to contain %q", got, test.want)
			}
		})
	}
}
