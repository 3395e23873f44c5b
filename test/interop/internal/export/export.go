// Package export writes the rows of a v1 file for the sqlite3 command, as a yardstick for how fast such a file can be made.
package export

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"baton-cursor/test/interop/internal/store"
)

// alphabet replaces the bytes of a blob that are no text, one by one: CSV carries text only. What is text stays, so that a
// compressor finds what it would find in the blob, repeats of the other columns included.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

type table struct {
	name    string
	columns []store.Column
	// empty are columns that are NULL in every row. CSV has no NULL, so they are added after the load.
	empty []store.Column
	rows  int
}

// Run writes one CSV file per table and import.sql: the tables, the load, then the indexes, all as in the file read.
func Run(ctx context.Context, from, dir string) (map[string]int, error) {
	db, closeDB, err := store.OpenDatabase(ctx, from)
	if err != nil {
		return nil, err
	}
	counts, err := run(ctx, db, dir)
	return counts, errors.Join(err, closeDB())
}

func run(ctx context.Context, db *sql.DB, dir string) (map[string]int, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	names, err := store.Tables(ctx, db)
	if err != nil {
		return nil, err
	}
	var script strings.Builder
	script.WriteString("PRAGMA journal_mode = OFF;\nPRAGMA synchronous = OFF;\n.mode csv\n")
	counts := map[string]int{}
	for _, name := range names {
		made, err := newTable(ctx, db, name)
		if err != nil {
			return nil, err
		}
		if err := made.writeCSV(ctx, db, filepath.Join(dir, name+".csv")); err != nil {
			return nil, err
		}
		script.WriteString(made.sql())
		counts[name] = made.rows
	}
	indexes, err := store.IndexSQL(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, text := range indexes {
		script.WriteString(text + ";\n")
	}
	return counts, os.WriteFile(filepath.Join(dir, "import.sql"), []byte(script.String()), 0o600)
}

func newTable(ctx context.Context, db *sql.DB, name string) (*table, error) {
	columns, err := store.Columns(ctx, db, name)
	if err != nil {
		return nil, err
	}
	made := &table{name: name}
	for _, column := range columns {
		var total, filled int
		query := fmt.Sprintf(`SELECT count(*), count("%s") FROM "%s"`, column.Name, name)
		if err := db.QueryRowContext(ctx, query).Scan(&total, &filled); err != nil {
			return nil, err
		}
		made.rows = total
		switch {
		case filled == total:
			made.columns = append(made.columns, column)
		case filled == 0:
			made.empty = append(made.empty, column)
		default:
			return nil, fmt.Errorf("%s.%s is NULL in some rows only, which CSV cannot say", name, column.Name)
		}
	}
	return made, nil
}

func (t *table) sql() string {
	var definitions []string
	for _, column := range t.columns {
		definitions = append(definitions, definition(column))
	}
	text := fmt.Sprintf("CREATE TABLE %s (%s);\n", t.name, strings.Join(definitions, ", "))
	if t.rows > 0 {
		text += fmt.Sprintf(".import %[1]s.csv %[1]s\n", t.name)
	}
	for _, column := range t.empty {
		text += fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s;\n", t.name, definition(column))
	}
	return text
}

func definition(column store.Column) string {
	text := column.Name + " " + column.Type
	if column.PrimaryKey > 0 {
		text += " PRIMARY KEY"
	}
	if column.NotNull {
		text += " NOT NULL"
	}
	if column.Default != "-" {
		text += " DEFAULT " + column.Default
	}
	return text
}

func (t *table) writeCSV(ctx context.Context, db *sql.DB, path string) error {
	var selected []string
	for _, column := range t.columns {
		if strings.HasPrefix(column.Type, "date") {
			selected = append(selected, fmt.Sprintf("CAST(%[1]s AS TEXT)", column.Name)) // Else the driver parses it.
			continue
		}
		selected = append(selected, column.Name)
	}
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`SELECT %s FROM %s ORDER BY id`, strings.Join(selected, ", "), t.name))
	if err != nil {
		return err
	}
	defer rows.Close()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(file, 1<<20)
	out := csv.NewWriter(buffered)
	for rows.Next() {
		record, err := t.record(rows)
		if err == nil {
			err = out.Write(record)
		}
		if err != nil {
			return errors.Join(err, file.Close())
		}
	}
	out.Flush()
	return errors.Join(rows.Err(), out.Error(), buffered.Flush(), file.Close())
}

func (t *table) record(rows *sql.Rows) ([]string, error) {
	values := make([]sql.RawBytes, len(t.columns))
	targets := make([]any, len(values))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, err
	}
	record := make([]string, len(values))
	for i, value := range values {
		if t.columns[i].Type == "blob" {
			value = slices.Clone(value)
			for at, b := range value {
				if b < ' ' || b > '~' {
					value[at] = alphabet[int(b)%len(alphabet)]
				}
			}
		}
		record[i] = string(value)
	}
	return record, nil
}
