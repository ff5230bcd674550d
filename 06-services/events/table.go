package events

import "fmt"

// The exchanges of the shop, all durable.
const (
	Commands = "shop.commands" // direct: a command goes to the one queue of who obeys it
	Events   = "shop.events"   // topic: an event goes to whoever asked for it
	Dead     = "shop.dead"     // topic, the dead letter exchange: the key is the queue that the message died in
)

// A Description says of a message what its Go type doesn't.
type Description struct {
	Name    string  // "stock.reserve"
	Schema  int     // the newest version of its payload that this program writes and reads
	From    string  // the service that sends it
	Queue   string  // for a command: the queue it goes to. Empty: an event
	About   string  // one line
	Payload Payload // its zero value
}

// Command tells whether it is a command, which one service obeys, or an event, which whoever wants hears.
func (d Description) Command() bool { return d.Queue != "" }

// Exchange is where it is published.
func (d Description) Exchange() string {
	if d.Command() {
		return Commands
	}
	return Events
}

// Key is its routing key: its name and the version of its schema, "stock.reserve.v1".
func (d Description) Key() string { return fmt.Sprintf("%s.v%d", d.Name, d.Schema) }

// All returns the table: all messages of the shop.
func All() []Description {
	return append([]Description(nil), table...)
}

// Lookup finds the description of a message by its name.
func Lookup(name string) (Description, bool) {
	d, ok := byName[name]
	return d, ok
}

var table = []Description{
	command("order", "inventory.commands", StockReserve{}, "keep these goods for an order"),
	command("order", "inventory.commands", StockRelease{}, "the order comes to nothing: its goods are free again"),
	command("order", "inventory.commands", StockCommit{}, "the order is paid: its goods leave the stock"),
	command("order", "inventory.commands", StockReturn{}, "the order was refunded: its goods come back"),
	event("inventory", StockReserved{}, "all goods of an order are kept for it"),
	event("inventory", StockRejected{}, "an order can't have its goods, and none are kept"),
	event("inventory", StockReleased{}, "nothing is kept for an order any more"),
	event("inventory", StockCommitted{}, "an order's goods have left the stock"),
	event("inventory", StockReturned{}, "an order's goods are back"),
	event("inventory", StockLevel{}, "how many of a product can be ordered, from now on"),

	command("order", "payment.commands", PaymentCharge{}, "take the money for an order"),
	command("order", "payment.commands", PaymentVoid{}, "take no money for an order, if it isn't taken yet"),
	command("order", "payment.commands", PaymentRefund{}, "give the money for an order back"),
	event("payment", PaymentCaptured{}, "the money for an order is taken"),
	event("payment", PaymentDeclined{}, "the money for an order can't be had"),
	event("payment", PaymentVoided{}, "the money for an order is not taken, and never will be"),
	event("payment", PaymentRefunded{}, "the money for an order is given back"),
	event("payment", PaymentRefundFailed{}, "the money for an order couldn't be given back"),

	event("order", OrderPlaced{}, "somebody wants to buy"),
	event("order", OrderConfirmed{}, "goods and money are there: pack it"),
	event("order", OrderCancelled{}, "an order came to nothing, and costs nothing"),
	event("order", OrderRefunded{}, "a confirmed order was taken back, and its money returned"),

	event("user", UserSignup{}, "somebody has become a customer, or changed name or address"),
	event("user", UserLogin{}, "a customer has logged in"),
	event("user", UserPurchase{}, "a customer has bought something"),

	event("catalog", ProductPriceChanged{}, "what a product costs from now on, or that it isn't sold any more"),

	command("shipping", "shipping.standard", ParcelPick{}, "pack an order"),
	command("shipping", "shipping.priority", ParcelPickFirst{}, "pack an order that paid for haste"),
	event("shipping", ParcelMoved{}, "a parcel is packed, sent, delivered"),

	event("notification", NotificationSent{}, "a customer was told something"),
	event("notification", NewsRecall{}, "a product is dangerous: tell everybody"),
	event("notification", NewsOffer{}, "something is cheap: tell those who asked for its category"),
}

var byName = func() map[string]Description {
	m := make(map[string]Description, len(table))
	for _, d := range table {
		m[d.Name] = d
	}
	return m
}()

func command(from, queue string, p Payload, about string) Description {
	return Description{Name: p.Name(), Schema: 1, From: from, Queue: queue, About: about, Payload: p}
}

func event(from string, p Payload, about string) Description { return command(from, "", p, about) }
