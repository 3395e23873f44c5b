package tinyc1

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	tokenPath     = "/auth/v1/token"
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// tokens issues access tokens. It checks the shape of the form and of the assertion, not the signature: the project's own
// stand-in does that.
type tokens struct {
	journal *journal
	mu      sync.Mutex
	issued  map[string]bool
}

func (t *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	clientID, err := readTokenRequest(r)
	if err != nil {
		t.journal.violation(tokenPath, err.Error())
		http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest)
		return
	}
	token := rand.Text()
	t.mu.Lock()
	t.issued[token] = true
	t.mu.Unlock()
	t.journal.event("token", map[string]string{"clientId": clientID, "protocol": r.Proto})
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "bearer", "expires_in": 600})
}

func (t *tokens) valid(authorization string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	return ok && t.issued[token]
}

func readTokenRequest(r *http.Request) (string, error) {
	if r.Method != http.MethodPost {
		return "", fmt.Errorf("method %s", r.Method)
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		return "", fmt.Errorf("content type %q", kind)
	}
	if err := r.ParseForm(); err != nil {
		return "", err
	}
	if r.URL.RawQuery != "" || r.Header.Get("Authorization") != "" {
		return "", errors.New("a query or an authorization header")
	}
	return readForm(r.PostForm)
}

func readForm(form url.Values) (string, error) {
	var names []string
	for name, values := range form {
		if len(values) != 1 {
			return "", fmt.Errorf("form field %s %d times", name, len(values))
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"client_assertion", "client_assertion_type", "client_id", "grant_type"}; !slices.Equal(names, want) {
		return "", fmt.Errorf("form fields %q", names)
	}
	if form.Get("grant_type") != "client_credentials" || form.Get("client_assertion_type") != assertionType {
		return "", fmt.Errorf("grant type %q, assertion type %q", form.Get("grant_type"), form.Get("client_assertion_type"))
	}
	clientID := form.Get("client_id")
	return clientID, readAssertion(clientID, form.Get("client_assertion"))
}

var clientIDShape = regexp.MustCompile(`^[^@]+@([^/:]+)(?::\d+)?/`)

func readAssertion(clientID, assertion string) error {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return fmt.Errorf("the assertion has %d parts", len(parts))
	}
	var header struct{ Alg, Nonce string }
	var claims struct {
		Iss, Sub, Aud string
		Exp, Nbf, Iat int64
	}
	for i, target := range []any{&header, &claims} {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil {
			return fmt.Errorf("assertion part %d: %w", i+1, err)
		}
		if err := json.Unmarshal(raw, target); err != nil {
			return fmt.Errorf("assertion part %d: %w", i+1, err)
		}
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return errors.New("the signature is not 64 bytes of base64url")
	}
	if nonce, err := hex.DecodeString(header.Nonce); header.Alg != "EdDSA" || err != nil || len(nonce) != 16 {
		return fmt.Errorf("assertion header %+v", header)
	}
	host := clientIDShape.FindStringSubmatch(clientID)
	if host == nil {
		return errors.New("the client id has no host")
	}
	age := time.Since(time.Unix(claims.Iat, 0)).Abs()
	if claims.Iss != clientID || claims.Sub != clientID || claims.Aud != host[1] || age > time.Minute ||
		claims.Exp != claims.Iat+120 || claims.Nbf != claims.Iat-120 {
		return fmt.Errorf("assertion claims %+v", claims)
	}
	return nil
}
