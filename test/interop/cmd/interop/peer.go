package main

import (
	"context"
	"os"

	"baton-cursor/test/interop/internal/peer"
)

func runCredentials(ctx context.Context, args []string) error {
	flags := newFlags("credentials")
	cert := flags.String("cert", "", "server certificate (PEM)")
	key := flags.String("key", "", "its key (PEM)")
	if _, err := parse(flags, args, 0); err != nil {
		return err
	}
	return peer.Credentials(ctx, *cert, *key, os.Stdin, os.Stdout)
}

func runMarshal(_ context.Context, args []string) error {
	if _, err := parse(newFlags("marshal"), args, 0); err != nil {
		return err
	}
	return peer.Marshal(os.Stdin, os.Stdout)
}

func runWrite(ctx context.Context, args []string) error {
	files, err := parse(newFlags("write"), args, 1)
	if err != nil {
		return err
	}
	counts, err := peer.Write(ctx, files[0], os.Stdin)
	if err != nil {
		return err
	}
	return printJSON(counts)
}
