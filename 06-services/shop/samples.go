package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"warren.example/06-services/api/inventorypb"
	"warren.example/06-services/discovery"
)

const (
	sampleStock    = 100 // of each product
	sampleCustomer = "customer@shop.example"

	// Files in the shop's folder.
	adminFile    = "admin.password"
	customerFile = "customer.password"
	headerFile   = "customer" // a header for curl -H @file, with a token that is good
)

// givesSamples tells whether this process does: it is the gateway's affair.
func (s *Shop) givesSamples() bool { return s.options.Config.Samples && s.Address("gateway") != "" }

// samples gives a new shop what it needs to be tried: stock of each product that the inventory doesn't know yet, and a
// customer. (The products themselves are the catalog's affair.) It uses the same doors as everybody else.
func (s *Shop) samples(ctx context.Context) error {
	c := s.caller()
	defer c.http.CloseIdleConnections()
	pauses := newPauses()
	for ctx.Err() == nil {
		err := s.fillStock(ctx, c)
		if err == nil {
			break
		}
		s.log.Debug("no sample stock yet", "error", err) // others may be on their way up
		wait(ctx, pauses.NextBackOff())
	}
	if s.local.folder == "" {
		s.once.Do(func() { close(s.sampled) })
		return nil
	}
	return s.customer(ctx, c)
}

// customer makes the sample customer, and keeps a token in a file until ctx ends.
func (s *Shop) customer(ctx context.Context, c *caller) error {
	secret, err := kept(s.local.folder, customerFile)
	if err != nil {
		return err
	}
	c.token = ""
	err = c.call(ctx, http.MethodPost, "http://user/users", map[string]any{"name": "Sample Customer", "email": sampleCustomer,
		"password": secret, "interests": []string{"tea"}}, nil)
	if err != nil && c.status != http.StatusConflict { // which says that there is one
		return err
	}
	for ctx.Err() == nil {
		if err := c.login(ctx, "http://user", sampleCustomer, secret); err != nil {
			return err
		}
		header := []byte("Authorization: Bearer " + c.token + "\n")
		if err := os.WriteFile(filepath.Join(s.local.folder, headerFile), header, 0o600); err != nil {
			return fmt.Errorf("keep the sample customer's token: %w", err)
		}
		s.once.Do(func() { close(s.sampled) })
		wait(ctx, s.options.Config.TokenLife/2)
	}
	return nil
}

func (s *Shop) fillStock(ctx context.Context, c *caller) error {
	if err := c.login(ctx, "http://user", s.options.Config.Admin.Email, s.options.Config.Admin.Password); err != nil {
		return err
	}
	skus, err := c.products(ctx)
	if err != nil {
		return err
	}
	d := newDialer(s.registry, s.secured.client, nil)
	defer d.close()
	conn, err := d.dial("inventory")
	if err != nil {
		return err
	}
	answer, err := inventorypb.NewInventoryClient(conn).GetStock(ctx, &inventorypb.GetStockRequest{Skus: skus})
	if err != nil {
		return fmt.Errorf("ask the inventory: %w", err)
	}
	known := make(map[string]bool)
	for _, level := range answer.GetLevels() {
		known[level.GetSku()] = true
	}
	for _, sku := range skus {
		if known[sku] {
			continue
		}
		address := "http://inventory/stock/" + url.PathEscape(sku)
		if err := c.call(ctx, http.MethodPut, address, map[string]int{"available": sampleStock}, nil); err != nil {
			return err
		}
	}
	return nil
}

// A caller calls services by HTTP, for somebody.
type caller struct {
	http   *http.Client
	token  string // "": for nobody
	status int    // of the last answer
}

// caller returns one that finds services by their names.
func (s *Shop) caller() *caller {
	return &caller{http: &http.Client{Transport: discovery.Transport(s.registry, discovery.Base(s.secured.client))}}
}

// login gets a token (RFC 6749, section 4.3).
func (c *caller) login(ctx context.Context, base, email, password string) error {
	form := url.Values{"grant_type": {"password"}, "username": {email}, "password": {password}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := c.do(request, &answer); err != nil {
		return fmt.Errorf("log in as %s: %w", email, err)
	}
	c.token = answer.Token
	return nil
}

// call sends in as JSON, unless it is nil, and reads the answer into out, unless it is nil. A status from 400 on is an error.
func (c *caller) call(ctx context.Context, method, address string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return c.do(request, out)
}

func (c *caller) do(request *http.Request, out any) error {
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	c.status = answer.StatusCode
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("%s %s: %w", request.Method, request.URL, err)
	}
	if c.status >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", request.Method, request.URL, answer.Status, bytes.TrimSpace(body))
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%s %s: %w", request.Method, request.URL, err)
	}
	return nil
}
