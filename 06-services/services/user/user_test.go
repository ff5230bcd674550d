package user_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"warren.example/06-services/api/userpb"
	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/money"
	"warren.example/06-services/service/servicetest"
	"warren.example/06-services/services/user"
	"warren.example/06-services/store/storetest"
)

func settings() config.Config {
	c := config.Default()
	c.PasswordCost = 4 // bcrypt's least, for speed
	return c
}

func each(t *testing.T, test func(t *testing.T, s *servicetest.Stage)) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		test(t, servicetest.New(t, user.Definition, open, settings()))
	})
}

const ada = `{"name":"Ada Lovelace","email":"Ada@shop.example","password":"difference engine","interests":["tea","cups"]}`

func register(t testing.TB, s *servicetest.Stage, body string) (id string) {
	t.Helper()
	var answer struct{ ID string }
	require.Equal(t, http.StatusCreated, s.Ask(t, "POST", "/users", "", body, &answer))
	require.NotEmpty(t, answer.ID)
	return answer.ID
}

// An answer is one of the token endpoint, good or bad.
type answer struct {
	Status  int    `json:"-"`
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Seconds int64  `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	Error   string `json:"error"`
}

func post(t testing.TB, s *servicetest.Stage, form string) (a answer) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.HTTP.ServeHTTP(w, r)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a), w.Body.String())
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	a.Status = w.Code
	return a
}

func login(t testing.TB, s *servicetest.Stage, email, password string) answer {
	t.Helper()
	return post(t, s, url.Values{"grant_type": {"password"}, "username": {email}, "password": {password}}.Encode())
}

func refresh(t testing.TB, s *servicetest.Stage, token string) answer {
	t.Helper()
	return post(t, s, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode())
}

func TestRegister(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		id := register(t, s, ada)
		sent := s.Sent(t)
		require.Len(t, sent, 1)
		require.Equal(t, int64(1), sent[0].Version)
		require.Equal(t, id, sent[0].Correlation)
		signup, err := events.Decode[events.UserSignup](sent[0])
		require.NoError(t, err)
		require.Equal(t, events.UserSignup{User: id, FullName: "Ada Lovelace", Email: "Ada@shop.example",
			Interests: []string{"tea", "cups"}}, signup)
		require.NotContains(t, string(sent[0].Body), "engine")

		again := strings.Replace(ada, "Ada@shop", "aDA@SHOP", 1)
		require.Equal(t, http.StatusConflict, s.Ask(t, "POST", "/users", "", again, nil))
		require.Empty(t, s.Sent(t), "who is refused is told of to nobody")
	})
}

func TestRegisterAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		var all sync.WaitGroup
		results := make(chan int, 8)
		for range cap(results) {
			all.Go(func() { results <- s.Ask(t, "POST", "/users", "", ada, nil) })
		}
		all.Wait()
		close(results)
		count := make(map[int]int)
		for status := range results {
			count[status]++
		}
		require.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: 7}, count)
		require.Len(t, s.Sent(t), 1)
	})
}

func TestRegisterRefuses(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		with := func(field, value string) string {
			var body map[string]any
			require.NoError(t, json.Unmarshal([]byte(ada), &body))
			body[field] = json.RawMessage(value)
			text, err := json.Marshal(body)
			require.NoError(t, err)
			return string(text)
		}
		for name, test := range map[string]struct {
			body   string
			status int
		}{
			"nothing":               {"", 400},
			"no object":             {"[]", 400},
			"another field":         {with("admin", "true"), 400},
			"no text in PostgreSQL": {with("name", `"a\u0000b"`), 400},
			"no name":               {with("name", `""`), 422},
			"a long name":           {with("name", `"`+strings.Repeat("a", 101)+`"`), 422},
			"no address":            {with("email", `"ada"`), 422},
			"a short password":      {with("password", `"short"`), 422},
			"a long password":       {with("password", `"`+strings.Repeat("a", 73)+`"`), 422},
			"73 bytes of password":  {with("password", `"a`+strings.Repeat("é", 36)+`"`), 422},
			"an empty interest":     {with("interests", `[""]`), 422},
			"the same twice":        {with("interests", `["tea","tea"]`), 422},
		} {
			require.Equal(t, test.status, s.Ask(t, "POST", "/users", "", test.body, nil), name)
		}
		require.Empty(t, s.Sent(t))
		register(t, s, with("password", `"`+strings.Repeat("é", 36)+`"`)) // 72 bytes are fine
		require.Equal(t, 200, login(t, s, "ada@shop.example", strings.Repeat("é", 36)).Status)
		long := login(t, s, "ada@shop.example", strings.Repeat("é", 36)+"x")
		require.Equal(t, "invalid_grant", long.Error, "bcrypt doesn't look at the last byte")
	})
}

func TestLogin(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		id := register(t, s, ada)
		s.Sent(t)
		for _, address := range []string{"Ada@shop.example", "ada@SHOP.example"} {
			a := login(t, s, address, "difference engine")
			require.Equal(t, 200, a.Status)
			require.Equal(t, "Bearer", a.Type)
			require.Equal(t, int64(settings().TokenLife.Seconds()), a.Seconds)

			c, err := verifier(s).Verify(t.Context(), a.Access)
			require.NoError(t, err)
			require.Equal(t, auth.Customer{ID: id}, c)
		}
		sent := s.Sent(t)
		require.Len(t, sent, 2)
		require.Equal(t, "user.login", sent[0].Type)
		require.Equal(t, id, sent[0].Correlation)

		for _, wrong := range [][2]string{
			{"ada@shop.example", "Difference engine"}, {"nobody@shop.example", "difference engine"},
			{"nobody@shop.example", "nobody has this one"}, // the password of the hash that unknown users are compared with
		} {
			a := login(t, s, wrong[0], wrong[1])
			require.Equal(t, 400, a.Status)
			require.Equal(t, "invalid_grant", a.Error)
		}
		require.Empty(t, s.Sent(t))
	})
}

func TestTokenEndpointSpeaksRFC6749(t *testing.T) {
	s := servicetest.New(t, user.Definition, sqlite, settings())
	for form, code := range map[string]string{
		"":                               "invalid_request",
		"grant_type=":                    "invalid_request",
		"grant_type=password":            "invalid_request",
		"grant_type=password&username=a": "invalid_request",
		"grant_type=refresh_token":       "invalid_request",
		"grant_type=password&grant_type=password":              "invalid_request",
		"grant_type=password&username=a&password=b&password=c": "invalid_request",
		"grant_type=password&username=%00&password=b":          "invalid_request",
		"grant_type=password&username=%ff&password=b":          "invalid_request",
		"grant_type=%zz": "invalid_request",
		"grant_type=password&username=" + strings.Repeat("a", 9000): "invalid_request",
		"grant_type=client_credentials":                             "unsupported_grant_type",
		"grant_type=password&username=a&password=b":                 "invalid_grant",
		"grant_type=password&username=a&password=b&scope=all":       "invalid_grant",
		"grant_type=refresh_token&refresh_token=a":                  "invalid_grant",
		"grant_type=refresh_token&refresh_token=a.b.c":              "invalid_grant",
	} {
		a := post(t, s, form)
		require.Equal(t, 400, a.Status, form)
		require.Equal(t, code, a.Error, form)
	}
	var a answer
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/token?grant_type=password&username=a&password=b", nil)
	w := httptest.NewRecorder()
	s.HTTP.ServeHTTP(w, r)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
	require.Equal(t, "invalid_request", a.Error, "a password in the URL would be in everybody's logs")
}

func TestRefresh(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		id := register(t, s, ada)
		first := login(t, s, "ada@shop.example", "difference engine")
		phone := login(t, s, "ada@shop.example", "difference engine")

		s.Pass(29 * 24 * time.Hour)
		second := refresh(t, s, first.Refresh)
		require.Equal(t, 200, second.Status)
		require.NotEqual(t, first.Refresh, second.Refresh)
		c, err := verifier(s).Verify(t.Context(), second.Access)
		require.NoError(t, err)
		require.Equal(t, id, c.ID)

		s.Pass(29 * 24 * time.Hour)
		require.Equal(t, "invalid_grant", refresh(t, s, phone.Refresh).Error, "nobody has used it for a month")
		third := refresh(t, s, second.Refresh)
		require.Equal(t, 200, third.Status, "each use counts from there")

		// A thief has copied the first one.
		require.Equal(t, "invalid_grant", refresh(t, s, first.Refresh).Error)
		require.Equal(t, "invalid_grant", refresh(t, s, third.Refresh).Error, "the family is ended")
		require.Equal(t, 200, login(t, s, "ada@shop.example", "difference engine").Status)

		var stored string
		require.NoError(t, s.DB.QueryRow("SELECT family || hash FROM refresh_tokens").Scan(&stored))
		require.NotContains(t, stored, third.Refresh)
	})
}

func TestRefreshAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		register(t, s, ada)
		token := login(t, s, "ada@shop.example", "difference engine").Refresh
		var all sync.WaitGroup
		answers := make(chan answer, 6)
		for range cap(answers) {
			all.Go(func() { answers <- refresh(t, s, token) })
		}
		all.Wait()
		close(answers)
		good := 0
		for a := range answers {
			if a.Status == 200 {
				good++
				require.Equal(t, "invalid_grant", refresh(t, s, a.Refresh).Error, "the token was used twice")
			}
		}
		require.Equal(t, 1, good)
	})
}

func TestProfile(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		id := register(t, s, ada)
		register(t, s, strings.Replace(ada, "Ada@", "bob@", 1))
		token := s.Token(t, auth.Customer{ID: id})
		s.Sent(t)

		var u user.User
		require.Equal(t, 200, s.Ask(t, "GET", "/users/me", token, "", &u))
		want := user.User{ID: id, Name: "Ada Lovelace", Email: "Ada@shop.example", Interests: []string{"tea", "cups"}, Version: 1}
		require.Equal(t, want, u)

		body := `{"name":"Ada King","email":"countess@shop.example"}`
		require.Equal(t, 200, s.Ask(t, "PUT", "/users/me", token, body, &u))
		want = user.User{ID: id, Name: "Ada King", Email: "countess@shop.example", Interests: []string{}, Version: 2}
		require.Equal(t, want, u)
		require.Equal(t, 200, s.Ask(t, "GET", "/users/me", token, "", &u))
		require.Equal(t, want, u)
		sent := s.Sent(t)
		require.Len(t, sent, 1)
		require.Equal(t, int64(2), sent[0].Version)
		signup, err := events.Decode[events.UserSignup](sent[0])
		require.NoError(t, err)
		require.Equal(t, events.UserSignup{User: id, FullName: "Ada King", Email: "countess@shop.example"}, signup)

		require.Equal(t, 200, login(t, s, "Countess@shop.example", "difference engine").Status)
		require.Equal(t, 400, login(t, s, "ada@shop.example", "difference engine").Status)
		s.Sent(t)

		for name, test := range map[string]struct {
			token, body string
			status      int
		}{
			"nobody":             {"", body, 401},
			"another's address":  {token, `{"name":"Ada","email":"BOB@shop.example"}`, 409},
			"no address":         {token, `{"name":"Ada"}`, 422},
			"what isn't changed": {token, `{"name":"Ada","email":"a@shop.example","admin":true}`, 400},
			"who was never here": {s.Token(t, auth.Customer{ID: "x"}), body, 404},
		} {
			require.Equal(t, test.status, s.Ask(t, "PUT", "/users/me", test.token, test.body, nil), name)
		}
		require.Empty(t, s.Sent(t))
		require.Equal(t, 200, s.Ask(t, "PUT", "/users/me", token, strings.Replace(body, "countess", "COUNTESS", 1), nil),
			"one's own address, in capitals")
	})
}

func TestPurchaseFollowsOrderOnce(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		p := events.OrderConfirmed{Order: "o1", Customer: "ada", Items: []events.Item{{SKU: "tea", Quantity: 1,
			Price: money.Of(990, "EUR")}}, Total: money.Of(990, "EUR")}
		m := s.Say(t, p, events.About{Correlation: "o1"})
		s.Hear(t, m, m, s.Say(t, p, events.About{Correlation: "o1"})) // twice, and with another ID: the inbox has forgotten it
		sent := s.Sent(t)
		require.Len(t, sent, 1)
		require.Equal(t, m.ID, sent[0].Cause)
		require.Equal(t, "o1", sent[0].Correlation)
		purchase, err := events.Decode[events.UserPurchase](sent[0])
		require.NoError(t, err)
		require.Equal(t, events.UserPurchase{User: "ada", Order: "o1", Total: money.Of(990, "EUR")}, purchase)
	})
}

func TestContract(t *testing.T) {
	s := servicetest.New(t, user.Definition, sqlite, settings())
	eventstest.Receives(t, s.Events, user.Definition.Hears...)
}

func TestAdministrator(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		c := settings()
		c.Admin = config.Admin{Email: "admin@shop.example", Password: "first password"}
		s := servicetest.New(t, user.Definition, open, c)
		c.Admin.Password = "second password"
		servicetest.New(t, user.Definition, open, c) // a restart

		a := login(t, s, "admin@shop.example", "first password")
		require.Equal(t, 200, a.Status, "an account that is there keeps its password")
		customer, err := verifier(s).Verify(t.Context(), a.Access)
		require.NoError(t, err)
		require.True(t, customer.Admin)

		register(t, s, ada)
		c.Admin.Email = "ada@shop.example"
		s = servicetest.New(t, user.Definition, open, c)
		customer, err = verifier(s).Verify(t.Context(), login(t, s, "ada@shop.example", "difference engine").Access)
		require.NoError(t, err)
		require.False(t, customer.Admin, "a customer isn't made an administrator by that")
	})
}

func TestGRPC(t *testing.T) {
	s := servicetest.New(t, user.Definition, sqlite, settings())
	id := register(t, s, ada)
	client := userpb.NewUsersClient(s.Dial(t))
	u, err := client.GetUser(t.Context(), &userpb.GetUserRequest{Id: id})
	require.NoError(t, err)
	require.Equal(t, "Ada Lovelace", u.GetName())
	require.Equal(t, "Ada@shop.example", u.GetEmail())
	require.Equal(t, []string{"tea", "cups"}, u.GetInterests())
	_, err = client.GetUser(t.Context(), &userpb.GetUserRequest{Id: "nobody"})
	require.Equal(t, codes.NotFound, status.Code(err))
	require.NoError(t, s.DB.Close())
	_, err = client.GetUser(t.Context(), &userpb.GetUserRequest{Id: id})
	require.Equal(t, codes.Internal, status.Code(err))
	require.NotContains(t, err.Error(), "sql")
}

// verifier returns one that asks the service itself for its keys.
func verifier(s *servicetest.Stage) *auth.Verifier {
	return auth.NewVerifier(func(ctx context.Context) (auth.Keys, error) {
		w := httptest.NewRecorder()
		s.HTTP.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/keys", nil))
		var keys auth.Keys
		return keys, json.Unmarshal(w.Body.Bytes(), &keys)
	}, s.Now)
}
