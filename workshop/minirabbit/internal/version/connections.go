package version

// The differences that connections show before they have a channel.

// Anonymous tells whether clients may log in without saying who they are: the mechanism ANONYMOUS is offered, for guest. Since
// 4.0 (rabbitmq.com/docs/access-control#mechanisms).
func (v Version) Anonymous() bool { return v.atLeast(4, 0) }
