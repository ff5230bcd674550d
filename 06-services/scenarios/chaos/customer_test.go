package chaos

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A person uses the shop with a token. All that a person asks is asked again until there is an answer: that is what customers
// do with a shop that is broken.
type person struct {
	gateway string
	id      string
	token   string
}

// impatience is how long a person waits for one answer.
const impatience = 3 * time.Second

// ask sends a request until it is answered with one of the statuses, and reads the answer into v. Other answers that aren't the
// shop's fault are errors.
func (p *person) ask(ctx context.Context, method, path string, body, v any, key string, statuses ...int) (status int,
	err error) {
	var last string
	waited := await(ctx, 50*time.Millisecond, func() bool {
		var text []byte
		if status, text, err = p.try(ctx, method, path, body, key); err != nil {
			last, err = err.Error(), nil
			return false
		}
		last = fmt.Sprintf("%d %s", status, text)
		switch {
		case slices.Contains(statuses, status):
			if v != nil {
				err = json.Unmarshal(text, v)
			}
			return true
		case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
			return false
		}
		err = fmt.Errorf("%s %s: %s", method, path, last)
		return true
	})
	if waited != nil {
		return 0, fmt.Errorf("%s %s: %w, the last answer: %s", method, path, waited, last)
	}
	return status, err
}

func (p *person) try(ctx context.Context, method, path string, body any, key string) (status int, text []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, impatience)
	defer cancel()
	kind, content := "application/json", []byte{}
	if form, ok := body.(url.Values); ok {
		kind, content = "application/x-www-form-urlencoded", []byte(form.Encode())
	} else if body != nil {
		if content, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, p.gateway+path, bytes.NewReader(content))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", kind)
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// login gets a token.
func (p *person) login(ctx context.Context, email, password string) error {
	var got struct {
		Token string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"password"}, "username": {email}, "password": {password}}
	_, err := p.ask(ctx, "POST", "/token", form, &got, "", http.StatusOK)
	p.token = got.Token
	return err
}

// admin returns the administrator, who stays logged in: a shop with news never comes to rest.
func (h *house) admin(ctx context.Context) (*person, error) {
	if h.boss != nil {
		return h.boss, nil
	}
	p := &person{gateway: h.addresses["gateway"]}
	if err := p.login(ctx, h.environ["SHOP_ADMIN_EMAIL"], h.environ["SHOP_ADMIN_PASSWORD"]); err != nil {
		return nil, err
	}
	h.boss = p
	return p, nil
}

// register returns a new customer. Who gets no answer can't tell whether there is an account, and takes another address.
func (h *house) register(ctx context.Context) (*person, error) {
	p := &person{gateway: h.addresses["gateway"]}
	for {
		name := strings.ToLower(rand.Text()[:10])
		var got struct{ ID string }
		once, cancel := context.WithTimeout(ctx, impatience)
		_, err := p.ask(once, "POST", "/users", map[string]any{"name": name, "email": name + "@example.org",
			"password": "a password of " + name}, &got, "", http.StatusCreated)
		cancel()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("nobody can register: %w", err)
		}
		if err == nil {
			p.id = got.ID
			return p, p.login(ctx, name+"@example.org", "a password of "+name)
		}
	}
}
