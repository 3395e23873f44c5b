// Command interop holds our files, our wire code and our daemon against the official ConductorOne Go modules.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strings"
	"syscall"

	"baton-cursor/test/interop/internal/bench"
	"baton-cursor/test/interop/internal/certs"
	"baton-cursor/test/interop/internal/export"
	"baton-cursor/test/interop/internal/sample"
	"baton-cursor/test/interop/internal/store"
	"baton-cursor/test/interop/internal/tinyc1"
	"baton-cursor/test/interop/internal/wire"
)

// errFound means that the run itself worked and the answer is no; it was printed already.
var errFound = errors.New("differences found")

var usages = map[string]string{
	"bench":       "-engine sqlite|pebble [-batch N] IN.c1z OUT.c1z",
	"c1":          "[-listen 127.0.0.1:0] -cert FILE -key FILE [-script FILE] [-save DIR] [-timeout 120s]",
	"certs":       "DIR: a private CA (ca.pem) and a server certificate for this machine (cert.pem, key.pem)",
	"convert":     "FILE OUT: to the SDK's default engine, comparing rows before and after",
	"credentials": "-cert FILE -key FILE: NDJSON of client ids and secrets, and what the SDK makes of each",
	"dump":        "FILE: everything the SDK's reader finds, as one JSON object",
	"export":      "IN.c1z DIR: CSV files and a script for the sqlite3 command",
	"marshal":     "NDJSON of records, and how Go encodes each",
	"sample":      "[-users N] [-engine sqlite|pebble] OUT.c1z: a file written by the SDK itself",
	"write":       "OUT.c1z: NDJSON of records, written by the SDK",
	"wire":        "encode | check: NDJSON of every message, and its verification",
}

var runners = map[string]func(ctx context.Context, args []string) error{
	"bench": runBench, "c1": runC1, "certs": runCerts, "convert": runConvert,
	"dump": runDump, "export": runExport, "sample": runSample, "wire": runWire,
	"credentials": runCredentials, "marshal": runMarshal, "write": runWrite,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, errFound) {
			fmt.Fprintln(os.Stderr, "interop:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		if runner, ok := runners[args[0]]; ok {
			return runner(ctx, args[1:])
		}
	}
	names := make([]string, 0, len(usages))
	for name := range usages {
		names = append(names, name)
	}
	sort.Strings(names)
	var lines strings.Builder
	for _, name := range names {
		fmt.Fprintf(&lines, "\n  interop %s %s", name, usages[name])
	}
	return fmt.Errorf("which command?%s", lines.String())
}

// parse reads flags and demands exactly the named positional arguments.
func parse(flags *flag.FlagSet, args []string, positional int) ([]string, error) {
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() != positional {
		return nil, fmt.Errorf("usage: interop %s %s", flags.Name(), usages[flags.Name()])
	}
	return flags.Args(), nil
}

func newFlags(name string) *flag.FlagSet { return flag.NewFlagSet(name, flag.ContinueOnError) }

func printJSON(value any) error { return json.NewEncoder(os.Stdout).Encode(value) }

func runDump(ctx context.Context, args []string) error {
	files, err := parse(newFlags("dump"), args, 1)
	if err != nil {
		return err
	}
	dump, err := store.NewDump(ctx, files[0])
	if err != nil {
		return err
	}
	return printJSON(dump)
}

func runConvert(ctx context.Context, args []string) error {
	files, err := parse(newFlags("convert"), args, 2)
	if err != nil {
		return err
	}
	result, err := store.Convert(ctx, files[0], files[1])
	if err != nil {
		return err
	}
	if err := printJSON(result); err != nil {
		return err
	}
	if len(result.Differences) > 0 {
		return errFound
	}
	return nil
}

func runC1(ctx context.Context, args []string) error {
	flags := newFlags("c1")
	var options tinyc1.Options
	flags.StringVar(&options.Listen, "listen", "127.0.0.1:0", "address to listen on")
	flags.StringVar(&options.CertFile, "cert", "", "server certificate (PEM)")
	flags.StringVar(&options.KeyFile, "key", "", "its key (PEM)")
	script := flags.String("script", "", "file with the tasks to hand out; standard input when absent")
	flags.StringVar(&options.SaveDir, "save", "", "keep every upload here as <task id>-<n>.c1z")
	flags.DurationVar(&options.Timeout, "timeout", tinyc1.DefaultTimeout, "give up on unfinished tasks after this long")
	if _, err := parse(flags, args, 0); err != nil {
		return err
	}
	in := os.Stdin
	if *script != "" {
		file, err := os.Open(*script)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	tasks, err := tinyc1.ReadScript(in)
	if err != nil {
		return err
	}
	clean, err := tinyc1.Run(ctx, options, tasks, os.Stdout)
	if err != nil {
		return err
	}
	if !clean {
		return errFound
	}
	return nil
}

func runWire(_ context.Context, args []string) error {
	flags := newFlags("wire")
	verb, err := parse(flags, args, 1)
	if err != nil {
		return err
	}
	switch verb[0] {
	case "encode":
		return wire.Encode(os.Stdout)
	case "check":
		result, err := wire.Check(os.Stdin)
		if err != nil {
			return err
		}
		if err := printJSON(result); err != nil {
			return err
		}
		if result.Checked == 0 || len(result.Mismatches) > 0 {
			return errFound
		}
		return nil
	default:
		return fmt.Errorf("usage: interop wire %s", usages["wire"])
	}
}

func runBench(ctx context.Context, args []string) error {
	flags := newFlags("bench")
	engine := flags.String("engine", "sqlite", "storage engine: sqlite or pebble")
	batch := flags.Int("batch", bench.DefaultBatch, "rows per Put call, what a connector page is to the syncer")
	files, err := parse(flags, args, 2)
	if err != nil {
		return err
	}
	result, err := bench.Run(ctx, *engine, *batch, files[0], files[1])
	if err != nil {
		return err
	}
	return printJSON(result)
}

func runExport(ctx context.Context, args []string) error {
	files, err := parse(newFlags("export"), args, 2)
	if err != nil {
		return err
	}
	rows, err := export.Run(ctx, files[0], files[1])
	if err != nil {
		return err
	}
	return printJSON(rows)
}

func runSample(ctx context.Context, args []string) error {
	flags := newFlags("sample")
	users := flags.Int("users", 5, "number of users, each with one role")
	engine := flags.String("engine", "sqlite", "storage engine: sqlite or pebble")
	files, err := parse(flags, args, 1)
	if err != nil {
		return err
	}
	rows, err := sample.Rows(*users)
	if err != nil {
		return err
	}
	if err := store.Write(ctx, files[0], *engine, 1000, rows, nil); err != nil {
		return err
	}
	return printJSON(rows.Counts())
}

func runCerts(_ context.Context, args []string) error {
	dirs, err := parse(newFlags("certs"), args, 1)
	if err != nil {
		return err
	}
	return certs.Write(dirs[0])
}
