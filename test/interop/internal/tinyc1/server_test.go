package tinyc1

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"

	"baton-cursor/test/interop/internal/certs"
	"baton-cursor/test/interop/internal/sample"
	"baton-cursor/test/interop/internal/store"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	baton "github.com/conductorone/baton-sdk/pb/c1/connectorapi/baton/v1"
)

var (
	idA = strings.Repeat("A", 27)
	idB = strings.Repeat("B", 27)
)

// A daemon is the client side, made of the official stubs.
type daemon struct {
	baton.BatonServiceClient
	t     *testing.T
	ended chan bool
}

// start runs a tiny C1 with a script and returns a client that holds a token and has said Hello.
func start(t *testing.T, script ...ScriptedTask) (context.Context, *daemon) {
	t.Helper()
	dir := t.TempDir()
	if err := certs.Write(dir); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(stop)
	out, in := io.Pipe()
	d := &daemon{t: t, ended: make(chan bool, 1)}
	go func() {
		options := Options{Listen: "127.0.0.1:0", CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), Timeout: 2 * time.Second}
		clean, err := Run(ctx, options, script, in)
		if err != nil {
			t.Error(err)
		}
		_ = in.Close()
		d.ended <- clean
	}()
	lines := bufio.NewScanner(out)
	lines.Scan()
	var first struct{ Port int }
	if err := json.Unmarshal(lines.Bytes(), &first); err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines.Scan() {
		}
	}()
	return d.connect(ctx, dir, fmt.Sprintf("localhost:%d", first.Port))
}

func (d *daemon) connect(ctx context.Context, dir, address string) (context.Context, *daemon) {
	d.t.Helper()
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		d.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	config := &tls.Config{RootCAs: roots}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	response, err := client.PostForm("https://"+address+tokenPath, tokenForm("test@localhost/x"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		d.t.Fatal(err)
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = connection.Close() })
	d.BatonServiceClient = baton.NewBatonServiceClient(connection)
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token.AccessToken)
	_, err = d.Hello(ctx, &baton.BatonServiceHelloRequest{HostId: "host", ConnectorMetadata: &v2.ConnectorMetadata{DisplayName: "Cursor"}})
	if err != nil {
		d.t.Fatal(err)
	}
	return ctx, d
}

func tokenForm(clientID string) url.Values {
	now := time.Now().Unix()
	part := func(value any) string {
		raw, _ := json.Marshal(value)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	assertion := part(map[string]any{"alg": "EdDSA", "nonce": strings.Repeat("0a", 16)}) + "." +
		part(map[string]any{"iss": clientID, "sub": clientID, "aud": "localhost", "iat": now, "nbf": now - 120, "exp": now + 120}) + "." +
		base64.RawURLEncoding.EncodeToString(make([]byte, 64))
	return url.Values{
		"client_id": {clientID}, "grant_type": {"client_credentials"},
		"client_assertion_type": {assertionType}, "client_assertion": {assertion},
	}
}

func (d *daemon) take(ctx context.Context, want string) {
	d.t.Helper()
	response, err := d.GetTask(ctx, &baton.BatonServiceGetTaskRequest{HostId: "host"})
	if err != nil || response.GetTask().GetId() != want {
		d.t.Fatalf("got task %v, error %v", response.GetTask(), err)
	}
}

func (d *daemon) beat(ctx context.Context, id string) bool {
	d.t.Helper()
	response, err := d.Heartbeat(ctx, &baton.BatonServiceHeartbeatRequest{HostId: "host", TaskId: id})
	if err != nil {
		d.t.Fatal(err)
	}
	return response.GetCancelled()
}

func (d *daemon) fail(ctx context.Context, id string, code codes.Code) error {
	_, err := d.FinishTask(ctx, &baton.BatonServiceFinishTaskRequest{
		HostId: "host", TaskId: id, Status: &rpcstatus.Status{Code: int32(code), Message: "no"},
		FinalState: &baton.BatonServiceFinishTaskRequest_Error_{Error: &baton.BatonServiceFinishTaskRequest_Error{NonRetryable: true}},
	})
	return err
}

func (d *daemon) succeed(ctx context.Context, id string) error {
	_, err := d.FinishTask(ctx, &baton.BatonServiceFinishTaskRequest{
		HostId: "host", TaskId: id,
		FinalState: &baton.BatonServiceFinishTaskRequest_Success_{Success: &baton.BatonServiceFinishTaskRequest_Success{}},
	})
	return err
}

func (d *daemon) upload(ctx context.Context, id string, content []byte, checksum [32]byte) error {
	d.t.Helper()
	stream, err := d.UploadAsset(ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, message := range []*baton.BatonServiceUploadAssetRequest{
		{Msg: &baton.BatonServiceUploadAssetRequest_Metadata{Metadata: &baton.BatonServiceUploadAssetRequest_UploadMetadata{HostId: "host", TaskId: id}}},
		{Msg: &baton.BatonServiceUploadAssetRequest_Data{Data: &baton.BatonServiceUploadAssetRequest_UploadData{Data: content}}},
		{Msg: &baton.BatonServiceUploadAssetRequest_Eof{Eof: &baton.BatonServiceUploadAssetRequest_UploadEOF{Sha256Checksum: checksum[:]}}},
	} {
		if err := stream.Send(message); err != nil {
			break // The reason comes with the answer.
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

func sampleFile(t *testing.T) []byte {
	t.Helper()
	rows, err := sample.Rows(3)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sample.c1z")
	if err := store.Write(t.Context(), path, "sqlite", 10, rows, nil); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (d *daemon) expectClean(want bool) {
	d.t.Helper()
	if clean := <-d.ended; clean != want {
		d.t.Errorf("clean is %v", clean)
	}
}

func TestSyncCancelAndErrorAreAccepted(t *testing.T) {
	after := 1
	ctx, d := start(t,
		ScriptedTask{ID: idA, Type: "sync_full"},
		ScriptedTask{ID: idB, Type: "sync_full", CancelAfterHeartbeats: &after},
		ScriptedTask{ID: strings.Repeat("C", 27), Type: "create_ticket_task"},
	)
	content := sampleFile(t)
	d.take(ctx, idA)
	d.beat(ctx, idA)
	if err := d.upload(ctx, idA, content, sha256.Sum256(content)); err != nil {
		t.Fatal(err)
	}
	if err := d.succeed(ctx, idA); err != nil {
		t.Fatal(err)
	}
	d.take(ctx, idB)
	if first, second := d.beat(ctx, idB), d.beat(ctx, idB); first || !second {
		t.Errorf("cancelled: %v, then %v", first, second)
	}
	if err := d.fail(ctx, idB, codes.Canceled); err != nil {
		t.Fatal(err)
	}
	d.take(ctx, strings.Repeat("C", 27))
	if err := d.fail(ctx, strings.Repeat("C", 27), codes.Unimplemented); err != nil {
		t.Fatal(err)
	}
	d.expectClean(true)
}

func TestViolationsAreFound(t *testing.T) {
	content := sampleFile(t)
	for name, violate := range map[string]func(ctx context.Context, d *daemon) error{
		"a rule of the generated validation": func(ctx context.Context, d *daemon) error {
			_, err := d.GetTask(ctx, &baton.BatonServiceGetTaskRequest{})
			return err
		},
		"an unknown field": func(ctx context.Context, d *daemon) error {
			request := &baton.BatonServiceGetTaskRequest{HostId: "host"}
			request.ProtoReflect().SetUnknown([]byte{0x98, 0x06, 0x01})
			_, err := d.GetTask(ctx, request)
			return err
		},
		"an unknown field inside an Any": func(ctx context.Context, d *daemon) error {
			trait := &v2.RoleTrait{}
			trait.ProtoReflect().SetUnknown([]byte{0x98, 0x06, 0x01})
			annotation, _ := anypb.New(trait)
			_, err := d.Heartbeat(ctx, &baton.BatonServiceHeartbeatRequest{HostId: "host", TaskId: idA, Annotations: []*anypb.Any{annotation}})
			return err
		},
		"a token that was never issued": func(ctx context.Context, d *daemon) error {
			_, err := d.GetTask(metadata.NewOutgoingContext(ctx, metadata.Pairs("authorization", "Bearer none")), &baton.BatonServiceGetTaskRequest{HostId: "host"})
			return err
		},
		"a task that is not there": func(ctx context.Context, d *daemon) error { return d.fail(ctx, idB, codes.Internal) },
		"a sync without an upload": func(ctx context.Context, d *daemon) error { return d.succeed(ctx, idA) },
		"an error without a code":  func(ctx context.Context, d *daemon) error { return d.fail(ctx, idA, codes.OK) },
		"a wrong checksum":         func(ctx context.Context, d *daemon) error { return d.upload(ctx, idA, content, [32]byte{}) },
		"an upload that is not a c1z": func(ctx context.Context, d *daemon) error {
			return d.upload(ctx, idA, []byte("x"), sha256.Sum256([]byte("x")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, d := start(t, ScriptedTask{ID: idA, Type: "sync_full"})
			d.take(ctx, idA)
			if err := violate(ctx, d); status.Code(err) == codes.OK {
				t.Error("was accepted")
			}
			if err := d.fail(ctx, idA, codes.Internal); err != nil {
				t.Fatal(err)
			}
			d.expectClean(false)
		})
	}
}

func TestTokenRequestShape(t *testing.T) {
	if _, err := readForm(tokenForm("test@localhost/x")); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(url.Values){
		"another grant type":   func(form url.Values) { form.Set("grant_type", "password") },
		"an additional field":  func(form url.Values) { form.Set("scope", "all") },
		"somebody else's name": func(form url.Values) { form.Set("client_id", "other@localhost/x") },
		"two parts":            func(form url.Values) { form.Set("client_assertion", "e30.e30") },
	} {
		form := tokenForm("test@localhost/x")
		spoil(form)
		if _, err := readForm(form); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
