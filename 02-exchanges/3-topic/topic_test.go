package topic_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"warren.example/02-exchanges/3-topic"
	"warren.example/workshop/lab"
)

// A listener has a name, interests, and those of all events that it is to hear of.
type listener struct {
	name   string
	hears  []topic.Interest
	wanted []string
}

// hear claims that of all events, each listener hears those that are wanted, each once.
func (s *stage) hear(listeners ...listener) {
	owner, queues := map[string]string{}, []string{}
	for _, l := range listeners {
		queue := s.mustDeclare(l.name, l.hears...)
		other, taken := owner[queue]
		s.lab.Check(!taken, lab.Claim{
			Saw:  fmt.Sprintf("%s and %s both got the queue %q", other, l.name, queue),
			Want: "each name has a queue of its own",
			Why:  "who shares a queue shares its events: each goes to one of them, and the other never hears of it",
			Read: read,
		})
		owner[queue], queues = l.name, append(queues, queue)
	}
	wire := s.lab.Wire(s.said()...)

	s.happen(events...)

	for n, l := range listeners {
		got := bodies(s.take(queues[n]))
		for _, event := range events {
			want, times := slices.Contains(l.wanted, event), 0
			for _, body := range got {
				if body == event {
					times++
				}
			}
			claim := lab.Claim{
				Want: "it hears of " + strings.Join(l.wanted, ", "),
				Wire: wire,
				Read: read,
			}
			claim.Saw = fmt.Sprintf("%s wants to hear of %s, and does not hear of %s", l.name, say(l.hears), event)
			claim.Why = "an event that no binding fits is dropped, and nobody is told: the mail is never written"
			s.lab.Check(!want || times > 0, claim)
			claim.Saw = fmt.Sprintf("%s wants to hear of %s, and hears of %s, too", l.name, say(l.hears), event)
			claim.Why = "customers get mail about what has not happened to them, and a busy day's events crowd the queue"
			s.lab.Check(want || times == 0, claim)
			claim.Saw = fmt.Sprintf("%s wants to hear of %s, and hears of %s %d times", l.name, say(l.hears), event, times)
			claim.Why = "the customer gets the same mail twice"
			s.lab.Check(times <= 1, claim)
		}
	}
}

func TestOneNameIsOneEvent(t *testing.T) {
	s := newStage(t)
	s.hear(listener{"mailer", []topic.Interest{interest("user.purchase")}, []string{"user.purchase"}})
}

func TestStarStandsForOnePart(t *testing.T) {
	s := newStage(t)
	s.hear(
		listener{"mailer", []topic.Interest{interest("user.*")}, []string{"user.signup", "user.login", "user.purchase"}},
		listener{"refunds", []topic.Interest{interest("*.purchase.refunded")},
			[]string{"user.purchase.refunded", "guest.purchase.refunded"}},
		listener{"audit", []topic.Interest{interest("*")}, []string{"user", "stock"}},
	)
}

func TestDeeperReachesAllBelow(t *testing.T) {
	s := newStage(t)
	below := []string{"user.purchase", "user.purchase.refunded", "user.purchase.refunded.partly"}
	s.hear(
		listener{"mailer", []topic.Interest{deeper("user.purchase")}, below},
		listener{"books", []topic.Interest{deeper("*.purchase")},
			slices.Concat(below, []string{"guest.purchase", "guest.purchase.refunded"})},
		listener{"users", []topic.Interest{deeper("user.*")}, // not user itself
			slices.Concat(below, []string{"user.signup", "user.login"})},
		listener{"audit", []topic.Interest{{Deeper: true}}, events},
	)
}

func TestEachInterestCounts(t *testing.T) {
	s := newStage(t)
	s.hear(listener{"mailer", []topic.Interest{interest("user.login"), interest("user.*"), deeper("stock")},
		[]string{"user.signup", "user.login", "user.purchase", "stock", "stock.user.signup"}})
}

func TestEachNameHasAQueueOfItsOwn(t *testing.T) {
	s := newStage(t)
	var all []listener
	for n, name := range []string{"mailer", "audit", "Mailer", " mailer", "mail.er", "mail-er", "mail_er", "mail er"} {
		all = append(all, listener{name, []topic.Interest{interest(events[n])}, events[n : n+1]})
	}
	s.hear(all...)
}

func TestCallersInterestsStayAsTheyAre(t *testing.T) {
	s := newStage(t)
	parts := []string{"user", "login"} // "user", taken from it as a slice, has room for one part more
	hears := []topic.Interest{{Parts: parts[:1], Deeper: true}, interest("guest.purchase"), interest("*"), deeper("*")}
	before := say(hears)

	s.mustDeclare("audit", hears...)
	claim := lab.Claim{Want: "Declare changes nothing in what it was given", Read: read}
	claim.Saw = fmt.Sprintf("the caller's parts were [user login] before Declare, and are %q now", parts)
	claim.Why = "append writes behind the end of a slice where there is room: there the caller has something else"
	s.lab.Check(slices.Equal(parts, []string{"user", "login"}), claim)
	claim.Saw = fmt.Sprintf("the caller's interests were %s before Declare, and are %s now", before, say(hears))
	claim.Why = "a slice is not copied when it is handed over: the next Declare with it asks for something else"
	s.lab.Check(say(hears) == before, claim)
}
