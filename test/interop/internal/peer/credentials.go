// Package peer does with made-up input what our own code does, so that both can be compared.
package peer

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/conductorone/baton-sdk/pkg/crypto"
	"github.com/conductorone/baton-sdk/pkg/ugrpc"
)

// Pair is a client id and a client secret, with an assertion that the other side made of them.
type Pair struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	Assertion    string `json:"assertion"`
}

// Reading is what the SDK makes of a pair: an error, or the parts and the assertion that it sends.
type Reading struct {
	Error  string          `json:"error"`
	Name   string          `json:"name"`
	Host   string          `json:"host"`
	Header json.RawMessage `json:"header"`
	Claims json.RawMessage `json:"claims"`
	// Verified says whether the other side's assertion is right by the key in the secret.
	Verified bool `json:"verified"`
}

// Credentials reads NDJSON of pairs and writes NDJSON of readings. The SDK's token request goes to a server on this machine
// whose certificate its process has to trust (SSL_CERT_FILE).
func Credentials(ctx context.Context, certFile, keyFile string, in io.Reader, out io.Writer) error {
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return err
	}
	var sent string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.PostFormValue("client_assertion")
		http.Error(w, "nothing is issued here", http.StatusTeapot)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	defer server.Close()
	if err := os.Setenv("BATON_C1_API_HOST", server.Listener.Addr().String()); err != nil {
		return err
	}
	lines, results := json.NewDecoder(in), json.NewEncoder(out)
	for lines.More() {
		var pair Pair
		if err := lines.Decode(&pair); err != nil {
			return err
		}
		sent = ""
		reading := read(ctx, pair, &sent)
		if err := results.Encode(reading); err != nil {
			return err
		}
	}
	return nil
}

func read(ctx context.Context, pair Pair, sent *string) Reading {
	provider, name, host, err := ugrpc.NewC1CredentialProvider(ctx, pair.ClientID, pair.ClientSecret)
	if err != nil {
		return Reading{Error: err.Error()}
	}
	// The server issues no token: what it was asked with is all that is wanted.
	_, err = provider.GetRequestMetadata(ctx)
	parts := strings.Split(*sent, ".")
	if len(parts) != 3 {
		return Reading{Error: "no assertion was sent: " + err.Error()}
	}
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return Reading{Name: name, Host: host, Header: header, Claims: claims, Verified: verify(pair)}
}

func verify(pair Pair) bool {
	key, err := crypto.ParseClientSecret([]byte(pair.ClientSecret), false)
	if err != nil {
		return false
	}
	signed, err := jose.ParseSigned(pair.Assertion, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return false
	}
	_, err = signed.Verify(key.Public())
	return err == nil
}
