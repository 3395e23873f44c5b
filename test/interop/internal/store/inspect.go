package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	_ "modernc.org/sqlite" // The driver that the SDK itself opens the database with.

	"baton-cursor/test/interop/internal/strict"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"github.com/conductorone/baton-sdk/pkg/dotc1z"
)

// Inspect looks at a v1 file's database below the SDK's reader, which discards unknown fields and creates what is
// missing: schema against a file that the SDK has just made, blobs, columns against blobs, times, integrity.
func Inspect(ctx context.Context, path string) (problems []string, err error) {
	db, closeDB, err := OpenDatabase(ctx, path)
	if err != nil {
		return nil, err
	}
	problems, err = InspectDatabase(ctx, db)
	return problems, errors.Join(err, closeDB())
}

// InspectDatabase does the same to a database that is open already.
func InspectDatabase(ctx context.Context, db *sql.DB) ([]string, error) {
	problems := []string{}
	for _, look := range []func(context.Context, *sql.DB) ([]string, error){checkIntegrity, checkSchema, checkTimes, checkBlobs} {
		found, err := look(ctx, db)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	return problems, nil
}

// OpenDatabase decodes a v1 file with the SDK's decoder and opens the SQLite database inside it.
func OpenDatabase(ctx context.Context, path string) (*sql.DB, func() error, error) {
	dir, err := os.MkdirTemp("", "interop-db-")
	if err != nil {
		return nil, nil, err
	}
	target := filepath.Join(dir, "db")
	if err := decode(ctx, path, target); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	db, err := sql.Open("sqlite", target)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return db, func() error { return errors.Join(db.Close(), os.RemoveAll(dir)) }, nil
}

func decode(ctx context.Context, path, target string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	decoder, err := dotc1z.NewC1ZFileDecoder(in, dotc1z.WithContext(ctx))
	if err != nil {
		return err
	}
	defer decoder.Close()
	out, err := os.Create(target)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, decoder)
	return errors.Join(err, out.Close())
}

// DecodedBytes is the size of the SQLite database inside a v1 file.
func DecodedBytes(ctx context.Context, path string) (int64, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	decoder, err := dotc1z.NewC1ZFileDecoder(in, dotc1z.WithContext(ctx))
	if err != nil {
		return 0, err
	}
	defer decoder.Close()
	return io.Copy(io.Discard, decoder)
}

// Column is a table's column as SQLite reports it.
type Column struct {
	Name, Type, Default string
	NotNull             bool
	PrimaryKey          int
}

// Tables lists the tables of a database.
func Tables(ctx context.Context, db *sql.DB) ([]string, error) {
	return texts(ctx, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY rowid`)
}

// Columns lists the columns of a table.
func Columns(ctx context.Context, db *sql.DB, table string) ([]Column, error) {
	rows, err := db.QueryContext(ctx, `SELECT name, type, "notnull", coalesce(dflt_value, '-'), pk FROM pragma_table_info(?)`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var columns []Column
	for rows.Next() {
		var column Column
		if err := rows.Scan(&column.Name, &column.Type, &column.NotNull, &column.Default, &column.PrimaryKey); err != nil {
			return nil, err
		}
		column.Type = strings.ToLower(column.Type)
		columns = append(columns, column)
	}
	return columns, rows.Err()
}

// IndexSQL lists the statements that create the indexes, in the order in which they were created.
func IndexSQL(ctx context.Context, db *sql.DB) ([]string, error) {
	return texts(ctx, db, `SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY rowid`)
}

func texts(ctx context.Context, db *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

func checkIntegrity(ctx context.Context, db *sql.DB) ([]string, error) {
	lines, err := texts(ctx, db, `PRAGMA integrity_check`)
	if len(lines) == 1 && lines[0] == "ok" {
		return nil, err
	}
	return lines, err
}

// schema describes columns and indexes as comparable lines, free of spelling differences in the SQL text.
func schema(ctx context.Context, db *sql.DB) ([]string, error) {
	tables, err := Tables(ctx, db)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, table := range tables {
		columns, err := Columns(ctx, db, table)
		if err != nil {
			return nil, err
		}
		for _, column := range columns {
			lines = append(lines, fmt.Sprintf("column %s %+v", table, column))
		}
	}
	indexes, err := IndexSQL(ctx, db)
	for _, text := range indexes {
		lines = append(lines, "index "+plainIndex(text))
	}
	slices.Sort(lines)
	return lines, err
}

// plainIndex reduces a CREATE INDEX statement to lower case without quotes, brackets around the condition and IF NOT EXISTS.
func plainIndex(text string) string {
	text = strings.ToLower(strings.NewReplacer("`", "", `"`, "", "[", "", "]", "").Replace(text))
	text = strings.Replace(text, "if not exists ", "", 1)
	if head, condition, ok := strings.Cut(text, " where "); ok {
		text = head + " where " + strings.NewReplacer("(", "", ")", "").Replace(condition)
	}
	return strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(text)
}

func checkSchema(ctx context.Context, db *sql.DB) ([]string, error) {
	dir, err := os.MkdirTemp("", "interop-schema-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, "fresh.c1z")
	if err := Write(ctx, fresh, "sqlite", 1, &Rows{}, nil); err != nil {
		return nil, err
	}
	theirs, closeTheirs, err := OpenDatabase(ctx, fresh)
	if err != nil {
		return nil, err
	}
	defer func() { _ = closeTheirs() }()
	want, err := schema(ctx, theirs)
	if err != nil {
		return nil, err
	}
	got, err := schema(ctx, db)
	var problems []string
	for _, line := range want {
		if !slices.Contains(got, line) {
			problems = append(problems, "the schema lacks "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			problems = append(problems, "the schema has in addition "+line)
		}
	}
	return problems, err
}

var timeText = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,9})?$`)

func checkTimes(ctx context.Context, db *sql.DB) ([]string, error) {
	var problems []string
	for _, where := range [][2]string{
		{"v1_sync_runs", "started_at"}, {"v1_sync_runs", "ended_at"}, {"v1_resource_types", "discovered_at"},
		{"v1_resources", "discovered_at"}, {"v1_entitlements", "discovered_at"}, {"v1_grants", "discovered_at"},
	} {
		values, err := texts(ctx, db, fmt.Sprintf(`SELECT DISTINCT typeof(%[1]s) || '|' || coalesce(CAST(%[1]s AS TEXT), '') FROM %[2]s`, where[1], where[0]))
		if err != nil {
			return nil, err
		}
		for _, value := range values {
			if text, ok := strings.CutPrefix(value, "text|"); !ok || !timeText.MatchString(text) {
				problems = append(problems, fmt.Sprintf("%s.%s is %q", where[0], where[1], value))
			}
		}
	}
	return problems, nil
}

// A blobTable knows how the columns of a table follow from the message in its data column.
type blobTable struct {
	name, columns string
	message       func() proto.Message
	derived       func(proto.Message) []string
}

var blobTables = []blobTable{
	{"v1_resource_types", "external_id", func() proto.Message { return &v2.ResourceType{} }, func(m proto.Message) []string {
		return []string{m.(*v2.ResourceType).GetId()}
	}},
	{"v1_resources", "resource_type_id, external_id", func() proto.Message { return &v2.Resource{} }, func(m proto.Message) []string {
		id := m.(*v2.Resource).GetId()
		return []string{id.GetResourceType(), id.GetResourceType() + ":" + id.GetResource()}
	}},
	{"v1_entitlements", "resource_type_id, resource_id, external_id", func() proto.Message { return &v2.Entitlement{} }, func(m proto.Message) []string {
		entitlement := m.(*v2.Entitlement)
		id := entitlement.GetResource().GetId()
		return []string{id.GetResourceType(), id.GetResource(), entitlement.GetId()}
	}},
	{"v1_grants", "resource_type_id, resource_id, entitlement_id, principal_resource_type_id, principal_resource_id, external_id",
		func() proto.Message { return &v2.Grant{} }, func(m proto.Message) []string {
			grant := m.(*v2.Grant)
			id, principal := grant.GetEntitlement().GetResource().GetId(), grant.GetPrincipal().GetId()
			return []string{
				id.GetResourceType(), id.GetResource(), grant.GetEntitlement().GetId(),
				principal.GetResourceType(), principal.GetResource(), grant.GetId(),
			}
		}},
}

func checkBlobs(ctx context.Context, db *sql.DB) ([]string, error) {
	var problems []string
	for _, table := range blobTables {
		found, err := table.check(ctx, db)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table.name, err)
		}
		problems = append(problems, found...)
	}
	return problems, nil
}

func (t blobTable) check(ctx context.Context, db *sql.DB) ([]string, error) {
	width := strings.Count(t.columns, ",") + 1
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`SELECT typeof(data), data, %s FROM %s`, t.columns, t.name))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var problems []string
	for rows.Next() {
		var kind string
		var data []byte
		columns := make([]string, width)
		targets := []any{&kind, &data}
		for i := range columns {
			targets = append(targets, &columns[i])
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		for _, problem := range t.checkRow(kind, data, columns) {
			problems = append(problems, fmt.Sprintf("%s %q: %s", t.name, columns[width-1], problem))
		}
	}
	return problems, rows.Err()
}

func (t blobTable) checkRow(kind string, data []byte, columns []string) []string {
	message := t.message()
	if err := proto.Unmarshal(data, message); err != nil {
		return []string{err.Error()}
	}
	problems := strict.Problems(message)
	if kind != "blob" {
		problems = append(problems, "its data is stored as "+kind)
	}
	if derived := t.derived(message); !slices.Equal(derived, columns) {
		problems = append(problems, fmt.Sprintf("its columns %q do not follow from its data %q", columns, derived))
	}
	return problems
}
