package notification_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/06-services/auth"
	"warren.example/06-services/config"
	"warren.example/06-services/events"
	"warren.example/06-services/events/eventstest"
	"warren.example/06-services/money"
	"warren.example/06-services/service/servicetest"
	"warren.example/06-services/services/notification"
	"warren.example/06-services/store/storetest"
)

var (
	ada       = events.UserSignup{User: "u-1", FullName: "Ada", Email: "ada@example.org", Interests: []string{"teas"}}
	bob       = events.UserSignup{User: "u-2", FullName: "Bob", Email: "bob@example.org"}
	confirmed = events.OrderConfirmed{Order: "o-1", Customer: "u-1", Total: money.Of(2999, "EUR"),
		Items: []events.Item{{SKU: "cup", Quantity: 1, Price: money.Of(2999, "EUR")}}}
	none  = events.About{}
	about = events.About{Correlation: "o-1"}
)

func each(t *testing.T, test func(t *testing.T, s *servicetest.Stage)) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		test(t, servicetest.New(t, notification.Definition, open, config.Config{}))
	})
}

type list struct {
	Deliveries []notification.Delivery
	Next       string
}

func told(t *testing.T, s *servicetest.Stage, query string) list {
	t.Helper()
	var l list
	require.Equal(t, http.StatusOK, s.Ask(t, "GET", "/deliveries?user="+query, "", "", &l))
	return l
}

// abouts returns the types and the state of what a user was told, the newest first.
func abouts(t *testing.T, s *servicetest.Stage, query string) []string {
	t.Helper()
	all := []string{}
	for _, d := range told(t, s, query).Deliveries {
		all = append(all, d.About+" "+d.Status)
	}
	return all
}

func version(n int64) events.About { return events.About{Version: n} }

func TestUnderstandsWhatOthersSend(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		eventstest.Receives(t, s.Events, notification.Definition.Hears...)
	})
}

// Each sample of each type makes a text in which nothing is missing.
func TestEveryTypeHasAText(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		for _, sample := range eventstest.Samples(t, notification.Definition.Hears...) {
			if sample.Message.Type == "user.signup" {
				s.Hear(t, sample.Message)
			}
		}
		for _, sample := range eventstest.Samples(t, notification.Definition.Hears...) {
			s.Hear(t, sample.Message)
			for _, m := range s.Sent(t) {
				require.Equal(t, "notification.sent", m.Type)
			}
		}
		seen := map[string]bool{}
		var user struct{ User string }
		for _, sample := range eventstest.Samples(t, "user.signup") {
			p, err := events.Decode[events.UserSignup](sample.Message)
			require.NoError(t, err)
			user.User = p.User
		}
		for _, d := range told(t, s, user.User).Deliveries {
			seen[d.About] = true
			require.Equal(t, "sent", d.Status)
			require.True(t, strings.HasPrefix(d.Text, "Hello "), d.Text)
			require.NotContains(t, d.Text, "<no value>")
		}
		for _, name := range notification.Definition.Hears {
			require.True(t, seen[name] || name == "news.offer", name)
		}
	})
}

func TestCustomerIsToldOnce(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		s.Hear(t, s.Say(t, ada, version(1)))
		m := s.Say(t, confirmed, about)
		s.Sent(t)
		s.Hear(t, m, m)
		sent := s.Sent(t)
		require.Len(t, sent, 1)
		require.JSONEq(t, `{"user":"u-1","about":"order.confirmed","channel":"mail"}`, string(sent[0].Body))
		require.Equal(t, m.ID, sent[0].Cause)
		require.Equal(t, "o-1", sent[0].Correlation)

		// The inbox has forgotten it, and it comes once more: the delivery itself is the mark.
		_, err := s.DB.ExecContext(t.Context(), "DELETE FROM inbox")
		require.NoError(t, err)
		s.Hear(t, m)
		require.Empty(t, s.Sent(t))

		require.Equal(t, []string{"order.confirmed sent", "user.signup sent"}, abouts(t, s, "u-1"))
		require.Equal(t, []string{"order.confirmed sent"}, abouts(t, s, "u-1&order=o-1"))
		require.Empty(t, abouts(t, s, "u-2"))
		first := told(t, s, "u-1&limit=1")
		require.Contains(t, first.Deliveries[0].Text, "your order o-1 is paid")
		require.Equal(t, "ada@example.org", first.Deliveries[0].Email)
		require.Equal(t, []string{"user.signup sent"}, abouts(t, s, "u-1&limit=1&after="+first.Next))
	})
}

func TestWhatComesBeforeTheContactWaits(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		s.Hear(t, s.Say(t, confirmed, about))
		require.Empty(t, s.Sent(t))
		require.Equal(t, []string{"order.confirmed waiting"}, abouts(t, s, "u-1"))

		s.Hear(t, s.Say(t, bob, version(1)))
		require.Len(t, s.Sent(t), 1)
		s.Hear(t, s.Say(t, ada, version(1)))
		require.Len(t, s.Sent(t), 2)
		require.Equal(t, []string{"user.signup sent", "order.confirmed sent"}, abouts(t, s, "u-1"))
		require.Contains(t, told(t, s, "u-1&order=o-1").Deliveries[0].Text, "Hello Ada,")
	})
}

func TestNewestContactCounts(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		moved := ada
		moved.Email = "ada@example.net"
		s.Hear(t, s.Say(t, moved, version(2)), s.Say(t, ada, version(1)), s.Say(t, confirmed, about))
		for _, d := range told(t, s, "u-1").Deliveries {
			require.Equal(t, "ada@example.net", d.Email, d.About)
		}
		require.Len(t, told(t, s, "u-1").Deliveries, 3)
	})
}

func TestNewsGoToThoseWhomTheyConcern(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		admin := s.Token(t, auth.Customer{ID: "boss", Admin: true})
		s.Hear(t, s.Say(t, ada, version(1)), s.Say(t, bob, version(1)), s.Say(t, events.UserLogin{User: "u-3"}, none))
		s.Sent(t)

		require.Equal(t, http.StatusUnauthorized, s.Ask(t, "POST", "/news", "", `{}`, nil))
		require.Equal(t, http.StatusForbidden, s.Ask(t, "POST", "/news", s.Token(t, auth.Customer{ID: "u-1"}), `{}`, nil))
		for _, bad := range []string{`{}`, `{"kind":"gossip","text":"x"}`, `{"kind":"recall","text":"x"}`,
			`{"kind":"offer","sku":"cup","text":"x"}`, `{"kind":"recall","sku":"cup"}`} {
			require.Equal(t, http.StatusUnprocessableEntity, s.Ask(t, "POST", "/news", admin, bad, nil), bad)
		}
		require.Empty(t, s.Sent(t))

		require.Equal(t, http.StatusAccepted, s.Ask(t, "POST", "/news", admin, `{"kind":"recall","sku":"cup","text":"Hot."}`, nil))
		recall := s.Sent(t)
		require.Len(t, recall, 1)
		s.Hear(t, recall...)
		require.Len(t, s.Sent(t), 2, "all who are known")

		half := `{"kind":"offer","category":"teas","text":"Half."}`
		require.Equal(t, http.StatusAccepted, s.Ask(t, "POST", "/news", admin, half, nil))
		offer := s.Sent(t)
		require.Len(t, offer, 1)
		s.Hear(t, offer...)
		require.Len(t, s.Sent(t), 1, "who asked for teas")
		require.Equal(t, []string{"news.offer sent", "news.recall sent", "user.signup sent"}, abouts(t, s, "u-1"))
		require.Equal(t, []string{"news.recall sent", "user.signup sent"}, abouts(t, s, "u-2"))
	})
}

// Message and contact come at the same time, to two instances: neither of them waits for ever.
func TestContactComesWhileAMessageBeginsToWait(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open storetest.Open) {
		one := servicetest.New(t, notification.Definition, open, config.Config{})
		other := servicetest.New(t, notification.Definition, open, config.Config{})
		for n := range 30 {
			user := fmt.Sprintf("u-%d", n)
			login := one.Say(t, events.UserLogin{User: user}, none)
			signup := other.Say(t, events.UserSignup{User: user, FullName: "Ada", Email: "ada@example.org"}, version(1))
			errs := make(chan error, 2)
			go func() { errs <- one.Handle(t.Context(), login) }()
			go func() { errs <- other.Handle(t.Context(), signup) }()
			require.NoError(t, <-errs)
			require.NoError(t, <-errs)
			require.Equal(t, []string{"user.signup sent", "user.login sent"}, abouts(t, one, user))
		}
	})
}

func TestListRefusesWhatItCannotRead(t *testing.T) {
	each(t, func(t *testing.T, s *servicetest.Stage) {
		for _, query := range []string{"", "?user=", "?user=u-1&limit=0", "?user=u-1&limit=many", "?user=u-1&limit=101"} {
			require.Equal(t, http.StatusBadRequest, s.Ask(t, "GET", "/deliveries"+query, "", "", nil), query)
		}
	})
}
