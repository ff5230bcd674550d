package vhost_test

import (
	"slices"
	"strings"
	"testing"

	"warren.example/workshop/minirabbit/internal/version"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

// only is a user who may do just these: "write q".
type only []string

func (o only) Allowed(p vhost.Permission, name string) bool {
	return slices.Contains(o, string(p)+" "+name)
}

func TestEachMethodNeedsItsPermissions(t *testing.T) {
	s := newStage(t, version.V40)
	s.actor().does(durable("q"))
	alternate := direct("x")
	alternate.Arguments = table("alternate-exchange", wire.String("y"))
	for _, c := range []struct {
		m    wire.Method
		need []string
	}{
		{alternate, []string{"configure exchange x", "read exchange x", "write exchange y"}},
		{&wire.ExchangeDelete{Exchange: "x"}, []string{"configure exchange x"}},
		{&wire.ExchangeBind{Source: "amq.direct", Destination: "amq.topic"}, []string{"write exchange amq.topic", "read exchange amq.direct"}},
		{&wire.ExchangeUnbind{Source: "amq.direct", Destination: "amq.topic"}, []string{"write exchange amq.topic", "read exchange amq.direct"}},
		{durable("r", "x-dead-letter-exchange", wire.String("")), []string{"configure queue r", "read queue r", "write exchange amq.default"}},
		{&wire.QueueBind{Queue: "q", Exchange: "amq.direct"}, []string{"write queue q", "read exchange amq.direct"}},
		{&wire.QueueUnbind{Queue: "q", Exchange: "amq.direct"}, []string{"write queue q", "read exchange amq.direct"}},
		{&wire.QueuePurge{Queue: "q"}, []string{"read queue q"}},
		{&wire.BasicConsume{Queue: "q"}, []string{"read queue q"}},
		{&wire.BasicGet{Queue: "q"}, []string{"read queue q"}},
		{&wire.QueueDelete{Queue: "q"}, []string{"configure queue q"}},
	} {
		var have only
		as := func() *actor {
			return s.actor(func(i *vhost.ConnInfo) { i.User, i.Access = "bob", slices.Clone(have) })
		}
		for _, need := range c.need {
			permission, kind, name := split(need)
			as().fails("403 ACCESS_REFUSED - "+permission+" access to "+kind+" '"+name+"' in vhost '/' refused for user 'bob'", c.m)
			have = append(have, permission+" "+name)
		}
		as().does(c.m)
	}
}

func split(need string) (permission, kind, name string) {
	parts := strings.SplitN(need, " ", 3)
	return parts[0], parts[1], parts[2]
}

func TestPublishingNeedsWriteOnTheExchange(t *testing.T) {
	for v, want := range map[version.Version]string{
		version.V310: "403 ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'bob'",
		version.V40:  "403 ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'bob'",
	} {
		s := newStage(t, v)
		s.actor(func(i *vhost.ConnInfo) { i.User, i.Access = "bob", only{} }).publishFails(want, &wire.BasicPublish{}, wire.Properties{}, "")
		s.actor(func(i *vhost.ConnInfo) { i.Access = only{"write amq.default"} }).publishes("", "q", "m")
	}
}

func TestAskingPassivelyNeedsAPermissionSince43(t *testing.T) {
	ask := &wire.QueueDeclare{Queue: "q", Passive: true}
	for _, v := range []version.Version{version.V40, version.V43} {
		s := newStage(t, v)
		s.actor().does(durable("q"))
		nobody := s.actor(func(i *vhost.ConnInfo) { i.User, i.Access = "bob", only{} })
		if v == version.V40 {
			nobody.does(ask)
		} else {
			nobody.fails("403 ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused for user 'bob'", ask)
		}
		s.actor(func(i *vhost.ConnInfo) { i.Access = only{"write q"} }).does(ask)
	}
}
