package protocol

import "warren.example/workshop/wire"

// An alarm blocks those who publish, and only them: with the first content that comes while the alarm is on, nothing more is
// read from the connection until the alarm is over (rabbitmq.com/docs/alarms, rabbitmq.com/docs/connection-blocked).

// setAlarm takes note of the broker's alarm, "" for none.
func (c *connection) setAlarm(reason string) {
	c.alarm = reason
	if reason != "" || !c.blocked {
		return
	}
	c.blocked = false
	if c.told {
		c.told = false
		c.send(0, &wire.ConnectionUnblocked{})
	}
}

// contentCame is called for each frame of a content.
func (c *connection) contentCame() {
	if c.alarm == "" || c.state != running {
		return
	}
	c.blocked = true
	reason := "low on " + c.alarm
	if c.capable("connection.blocked") {
		c.told = true
		c.send(0, &wire.ConnectionBlocked{Reason: reason})
	}
	c.record(ConnectionBlocked, 0, reason)
}

// capable tells whether the client said in connection.start-ok that it has the capability.
func (c *connection) capable(name string) bool {
	capabilities, _ := c.properties.Get("capabilities")
	table, _ := capabilities.(wire.Table)
	value, _ := table.Get(name)
	return value == wire.Bool(true)
}
