// Package tinyc1 is a control plane just large enough for one daemon: the official generated stubs over TLS, with the
// official generated validation on every request.
package tinyc1

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"baton-cursor/test/interop/internal/strict"

	baton "github.com/conductorone/baton-sdk/pb/c1/connectorapi/baton/v1"
)

// DefaultTimeout is how long the script may take.
const DefaultTimeout = 2 * time.Minute

// settleTime is how long the server stays up after the last task ended, to see what should not come any more.
const settleTime = 500 * time.Millisecond

// Options say where to listen and when to give up.
type Options struct {
	Listen, CertFile, KeyFile, SaveDir string
	Timeout                            time.Duration
}

// Run serves until every scripted task has ended and reports whether it all went without a violation.
func Run(ctx context.Context, options Options, script []ScriptedTask, out io.Writer) (bool, error) {
	journal := newJournal(out)
	service, err := newService(script, options.SaveDir, journal)
	if err != nil {
		return false, err
	}
	certificate, err := tls.LoadX509KeyPair(options.CertFile, options.KeyFile)
	if err != nil {
		return false, err
	}
	listener, err := net.Listen("tcp", options.Listen)
	if err != nil {
		return false, err
	}
	server := &http.Server{
		Handler:           newHandler(service, journal),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	journal.event("listening", map[string]int{"port": listener.Addr().(*net.TCPAddr).Port})
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	defer server.Close()
	select {
	case <-service.done:
		time.Sleep(settleTime)
	case <-time.After(options.Timeout):
	case <-ctx.Done():
	case err := <-served:
		return false, err
	}
	unfinished, violations := service.unsettled(), journal.found()
	clean := len(unfinished) == 0 && len(violations) == 0
	journal.event("summary", map[string]any{"ok": clean, "unfinished": unfinished, "violations": violations})
	return clean, nil
}

// newHandler sends gRPC to the stubs and the token request to the issuer, on one port.
func newHandler(service *service, journal *journal) http.Handler {
	issuer := &tokens{journal: journal, issued: map[string]bool{}}
	guard := guard{journal: journal, issuer: issuer}
	rpc := grpc.NewServer(grpc.UnaryInterceptor(guard.unary), grpc.StreamInterceptor(guard.stream))
	baton.RegisterBatonServiceServer(rpc, service)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
			rpc.ServeHTTP(w, r)
		case r.URL.Path == tokenPath:
			issuer.ServeHTTP(w, r)
		default:
			journal.violation(r.URL.Path, "nothing is served here")
			http.NotFound(w, r)
		}
	})
}

// guard looks at every request before the service does.
type guard struct {
	journal *journal
	issuer  *tokens
}

func (g guard) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	method := methodName(info.FullMethod)
	if err := g.authorize(ctx, method); err != nil {
		return nil, err
	}
	if err := g.examine(method, request); err != nil {
		return nil, err
	}
	return handler(ctx, request)
}

func (g guard) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	method := methodName(info.FullMethod)
	if err := g.authorize(stream.Context(), method); err != nil {
		return err
	}
	return handler(server, &guardedStream{stream, g, method})
}

// guardedStream examines each message of a client stream.
type guardedStream struct {
	grpc.ServerStream
	guard  guard
	method string
}

func (s *guardedStream) RecvMsg(message any) error {
	if err := s.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	return s.guard.examine(s.method, message)
}

func (g guard) authorize(ctx context.Context, method string) error {
	headers, _ := metadata.FromIncomingContext(ctx)
	values := headers.Get("authorization")
	if len(values) == 1 && g.issuer.valid(values[0]) {
		return nil
	}
	problem := fmt.Sprintf("%d authorization headers, none with an issued token", len(values))
	g.journal.violation(method, problem)
	return status.Error(codes.Unauthenticated, problem)
}

func (g guard) examine(method string, message any) error {
	problems := strict.Problems(message.(proto.Message))
	for _, problem := range problems {
		g.journal.violation(method, problem)
	}
	if len(problems) > 0 {
		return status.Error(codes.InvalidArgument, strings.Join(problems, "; "))
	}
	return nil
}

func methodName(full string) string { return full[strings.LastIndex(full, "/")+1:] }
