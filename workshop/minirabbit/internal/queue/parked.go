package queue

import "slices"

// parked holds consumers that have credit, but whose channel could take nothing when it was their turn: the limit of
// basic.qos with global was reached, or the client reads too slowly.
type parked []*Consumer

func (p *parked) push(c *Consumer) {
	c.parked = true
	*p = append(*p, c)
}

// take takes out all that share the channel of c, if c is among them, and returns them in the order in which they came.
func (p *parked) take(c *Consumer) []*Consumer {
	if !c.parked {
		return nil
	}
	var taken []*Consumer
	*p = slices.DeleteFunc(*p, func(other *Consumer) bool {
		if other.Channel != c.Channel {
			return false
		}
		other.parked = false
		taken = append(taken, other)
		return true
	})
	return taken
}

// remove takes c out, if it is in.
func (p *parked) remove(c *Consumer) {
	if c.parked {
		c.parked = false
		*p = slices.DeleteFunc(*p, func(other *Consumer) bool { return other == c })
	}
}
