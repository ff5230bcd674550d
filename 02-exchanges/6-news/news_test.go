package news_test

import (
	"errors"
	"fmt"
	"mime"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/02-exchanges/6-news"
	"warren.example/workshop/lab"
	"warren.example/workshop/tap"
	"warren.example/workshop/wire"
)

func TestRecallGoesToAllDesksOnce(t *testing.T) {
	s := newNewsroom(t)

	s.mustPublish(recall)

	s.mustHear(recall, press, toys, garden)
}

func TestOfferGoesToTheDesksOfItsCategory(t *testing.T) {
	s := newNewsroom(t)
	for _, v := range []struct {
		category string
		who      []news.Desk
	}{
		{"toys", []news.Desk{toys}},
		{"garden.tools", []news.Desk{garden}}, // a name with a dot
		{"outdoor", []news.Desk{toys, garden}},
	} {
		a := news.Article{ID: "offer of " + v.category, Text: "Two for one.", Categories: []string{v.category}}
		s.mustPublish(a)
		s.mustHear(a, v.who...)
	}
}

func TestOfferOfTwoCategoriesComesOnce(t *testing.T) {
	s := newNewsroom(t)
	for _, categories := range [][]string{{"toys", "outdoor"}, {"nobody's", "outdoor"}} {
		a := news.Article{ID: fmt.Sprintf("offer of %s and %s", categories[0], categories[1]), Categories: categories}
		s.mustPublish(a)
		s.mustHear(a, toys, garden) // both have "outdoor"
	}
}

// Others publish too, and not only by this package: a human with a tool, straight to where all recalls go.
func TestEachExchangeDoesItsPart(t *testing.T) {
	s := newNewsroom(t)
	for _, v := range []struct {
		exchange, key string
		who           []news.Desk
	}{
		{newsExchange, "recall", []news.Desk{press, toys, garden}},
		{newsExchange, "offer.toys", []news.Desk{toys}},
		{recallsExchange, "whatever key", []news.Desk{press, toys, garden}},
		{offersExchange, "offer.outdoor", []news.Desk{toys, garden}},
	} {
		a := news.Article{ID: fmt.Sprintf("an article on %s with key %q", v.exchange, v.key)}
		s.lab.Put(v.exchange, v.key, amqp.Publishing{MessageId: a.ID, Body: []byte("…")})
		s.mustHear(a, v.who...)
	}
}

// Somebody keeps all news: their queue is bound to shop.news, behind which nothing is left out.
func TestAllNewsGoesOverShopNews(t *testing.T) {
	s := newNewsroom(t)
	const archive = "news archive"
	s.lab.Declare(archive, nil)
	if err := s.lab.Channel().QueueBind(archive, "#", newsExchange, false, nil); err != nil {
		s.lab.Failf("bind %s: %v", archive, err)
	}
	for _, v := range []struct {
		article news.Article
		key     string
	}{
		{recall, "recall"},
		{news.Article{ID: "article-2", Categories: []string{"garden.tools"}}, "offer.garden.tools"},
	} {
		s.mustPublish(v.article)
		claim := lab.Claim{
			Want: fmt.Sprintf("it was published on shop.news with key %q", v.key),
			Why:  "whoever asks shop.news for all news misses what goes past it, and nobody tells them",
			Wire: s.answers(),
			Read: read,
		}
		kept := s.lab.Depth(archive)
		claim.Saw = fmt.Sprintf("%s was published; a queue that is bound to shop.news with # got %d copies", v.article.ID, kept)
		s.lab.Check(kept == 1, claim)
		m := s.lab.Get(archive)
		claim.Saw = fmt.Sprintf("%s was published on %q with key %q", v.article.ID, m.Exchange, m.RoutingKey)
		s.lab.Check(m.Exchange == newsExchange && m.RoutingKey == v.key, claim)
	}
}

func TestArticleArrivesAsItWas(t *testing.T) {
	s := newNewsroom(t)
	s.arrives(recall, press)
	s.arrives(news.Article{ID: "article-2", Text: "Two for one.", Categories: []string{"garden.tools"}}, garden)
}

// arrives publishes an article, and claims that the next one in a desk's queue is like it.
func (s *stage) arrives(a news.Article, d news.Desk) {
	s.lab.Drain("news." + d.Name)

	s.mustPublish(a)

	m := s.lab.Get("news." + d.Name)
	claim := lab.Claim{
		Want: "MessageId is the article's ID, the body its text, as text/plain, persistent",
		Why:  "a restart of RabbitMQ: the queues are there, and what is not persistent is not in them any more",
		Read: read,
	}
	claim.Saw = fmt.Sprintf("%q, %q went in; MessageId %q, body %q came out", a.ID, a.Text, m.MessageId, m.Body)
	s.lab.Check(m.MessageId == a.ID && string(m.Body) == a.Text, claim)
	kind, _, _ := mime.ParseMediaType(m.ContentType)
	claim.Saw = fmt.Sprintf("the article says of itself: content type %q", m.ContentType)
	s.lab.Check(kind == "text/plain", claim)
	claim.Saw = fmt.Sprintf("the article has delivery mode %d", m.DeliveryMode)
	s.lab.Check(m.DeliveryMode == amqp.Persistent, claim)
}

func TestArticleForNobodyIsAnError(t *testing.T) {
	s := newNewsroom(t)

	err := s.publish(news.Article{ID: "article-2", Categories: []string{"teapots", "kettles"}}).Wait()

	claim := lab.Claim{
		Want: "an error that wraps ErrNoDesk",
		Why:  "the author reads \"published\", and nobody reads the article",
		Wire: s.answers(),
		Read: read,
	}
	claim.Saw = "no desk has one of the article's categories, and Publish returned nil"
	s.lab.Error(err, claim)
	claim.Saw = fmt.Sprintf("no desk has one of the article's categories, and Publish returned: %v", err)
	s.lab.Check(errors.Is(err, news.ErrNoDesk), claim)
	s.nothingStaysOpen("an article went to nobody")
}

func TestOfferWithoutCategoryIsRefused(t *testing.T) {
	s := newNewsroom(t)

	err := s.publish(news.Article{ID: "article-2", Text: "Two for one."}).Wait()

	s.lab.Fence(s.conn)
	claim := lab.Claim{Want: "an error, and nothing is sent", Why: "for whom should it be?", Wire: s.answers(), Read: read}
	claim.Saw = "an offer has no category, and Publish returned nil"
	s.lab.Error(err, claim)
	claim.Saw = "an offer has no category, and it was sent"
	s.lab.Check(s.lab.Tap.Recording().Count(publishing(0).Filter) == 0, claim)
}

func TestEverythingIsDurable(t *testing.T) {
	s := newNewsroom(t)

	claim := lab.Claim{
		Want: "durable exchanges and queues, which neither a connection nor a consumer takes along when it ends",
		Why:  "RabbitMQ is restarted: what is not durable is gone, and so are all bindings to it, those of durable queues too",
		Read: "02-exchanges/README.md#exchange",
	}
	s.lab.Fence(s.conn)
	for _, e := range s.lab.Tap.Recording().Find(tap.Filter{From: tap.Client}) {
		claim.Wire = s.lab.Wire(e)
		switch d := e.Method.(type) {
		case *wire.ExchangeDeclare:
			claim.Saw = fmt.Sprintf("exchange %s was declared with durable=%t, auto-delete=%t", d.Exchange, d.Durable, d.AutoDelete)
			s.lab.Check(d.Passive || d.Durable && !d.AutoDelete, claim)
		case *wire.QueueDeclare:
			claim.Saw = fmt.Sprintf("queue %s was declared with durable=%t, exclusive=%t, auto-delete=%t",
				d.Queue, d.Durable, d.Exclusive, d.AutoDelete)
			s.lab.Check(d.Passive || d.Durable && !d.Exclusive && !d.AutoDelete, claim)
		}
	}
}

// Another service, which publishes only, was here first.
func TestExchangesAreOfTheKindsDrawn(t *testing.T) {
	s := newStage(t)
	ch := s.lab.Channel()
	for name, kind := range map[string]string{newsExchange: "topic", recallsExchange: "fanout", offersExchange: "direct"} {
		if err := ch.ExchangeDeclare(name, kind, true, false, false, false, nil); err != nil {
			s.lab.Failf("declare %s: %v", name, err)
		}
	}

	s.mustDeclare("the exchanges were there, as drawn", desks...)
}

func TestNothingStaysOpen(t *testing.T) {
	s := newNewsroom(t)
	s.nothingStaysOpen("Declare returned nil")
	s.mustPublish(recall)
	s.nothingStaysOpen("Publish returned nil")
}
