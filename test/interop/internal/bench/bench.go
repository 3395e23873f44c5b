// Package bench times the SDK's own writers on rows that another writer made.
package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"baton-cursor/test/interop/internal/store"

	"github.com/conductorone/baton-sdk/pkg/connectorstore"
	"github.com/conductorone/baton-sdk/pkg/dotc1z/c1zstore"
)

// DefaultBatch is the number of rows per Put call, a usual page of a connector. It is also where the SQLite writer is at its
// best with the driver used here: binding the parameters of one large statement costs more than several small ones. The
// default engine does not mind.
const DefaultBatch = 200

// Result is one measurement. Rows are decoded before the clock starts, so the peak includes them; loadedRssBytes says how
// much of it was there already.
type Result struct {
	Engine         string  `json:"engine"`
	Seconds        float64 `json:"seconds"`
	StartSeconds   float64 `json:"startSeconds"`
	PutSeconds     float64 `json:"putSeconds"`
	EndSeconds     float64 `json:"endSeconds"`
	CloseSeconds   float64 `json:"closeSeconds"`
	Batch          int     `json:"batch"`
	Rows           int     `json:"rows"`
	DBBytes        int64   `json:"dbBytes"`
	FileBytes      int64   `json:"fileBytes"`
	LoadedRSSBytes int64   `json:"loadedRssBytes"`
	PeakRSSBytes   int64   `json:"peakRssBytes"`
}

// Run loads every row of one file and times writing them to another.
func Run(ctx context.Context, engine string, batch int, from, to string) (*Result, error) {
	rows, err := store.Load(ctx, from)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(to); err == nil {
		return nil, fmt.Errorf("%s exists: writing into it would measure something else", to)
	}
	result := &Result{Engine: engine, Batch: batch, Rows: rows.Counts().Total()}
	debug.FreeOSMemory()
	resetPeak()
	result.LoadedRSSBytes = memory("VmRSS")
	started := time.Now()
	mark := started
	err = store.Write(ctx, to, engine, batch, rows, func(stage store.Stage, opened c1zstore.Store) {
		elapsed := time.Since(mark).Seconds()
		switch stage {
		case store.StageOpen:
			result.StartSeconds = elapsed
		case store.StagePut:
			result.PutSeconds = elapsed
		case store.StageEnd:
			result.EndSeconds = elapsed
			if sized, ok := opened.(connectorstore.DBSizeProvider); ok {
				result.DBBytes, _ = sized.CurrentDBSizeBytes()
			}
		case store.StageClose:
			result.CloseSeconds = elapsed
			result.Seconds = time.Since(started).Seconds()
		}
		mark = time.Now()
	})
	if err != nil {
		return nil, err
	}
	result.PeakRSSBytes = memory("VmHWM")
	info, err := os.Stat(to)
	if err != nil {
		return nil, err
	}
	result.FileBytes = info.Size()
	if engine == string(c1zstore.EngineSQLite) {
		result.DBBytes, err = store.DecodedBytes(ctx, to)
	}
	return result, err
}

// resetPeak makes the kernel forget the process's high-water mark; where that is not possible the peak includes loading.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) }

// memory reads a line of /proc/self/status, 0 where there is none.
func memory(name string) int64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+":"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, " kB")), 10, 64)
			return kib * 1024
		}
	}
	return 0
}
