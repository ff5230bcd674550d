package events

import "warren.example/06-services/money"

// UserSignup says who a customer is: when somebody registers and when name or address change. The message's Version counts.
type UserSignup struct {
	User      string   `json:"user"`
	FullName  string   `json:"name"`
	Email     string   `json:"email"`
	Interests []string `json:"interests,omitempty"` // categories whose offers the customer wants
}

// UserLogin says that a customer has logged in.
type UserLogin struct {
	User string `json:"user"`
}

// UserPurchase says that a customer has bought something.
type UserPurchase struct {
	User  string      `json:"user"`
	Order string      `json:"order"`
	Total money.Money `json:"total"`
}

// ProductPriceChanged says what a product costs from now on. The message's Version counts the changes of this product: the
// highest is the newest, whichever comes last.
type ProductPriceChanged struct {
	SKU     string      `json:"sku"`
	Price   money.Money `json:"price"`             // means nothing if Deleted
	Deleted bool        `json:"deleted,omitempty"` // not sold any more
}

// NotificationSent says that a customer was told something.
type NotificationSent struct {
	User    string `json:"user"`
	About   string `json:"about"`   // the type of the message that led to it: "order.confirmed"
	Channel string `json:"channel"` // "mail"
}

// NewsRecall tells everybody that a product is dangerous.
type NewsRecall struct {
	SKU  string `json:"sku"`
	Text string `json:"text"`
}

// NewsOffer tells those who asked for a category that something is cheap.
type NewsOffer struct {
	Category string `json:"category"`
	Text     string `json:"text"`
}

// ParcelPick asks to pack an order.
type ParcelPick struct {
	Order string `json:"order"`
	Lines []Line `json:"lines"`
}

// ParcelPickFirst asks to pack an order before the others.
type ParcelPickFirst ParcelPick

// ParcelMoved says where a parcel is: "packed" is Number 1, "sent" 2, "delivered" 3. They may come in any order.
type ParcelMoved struct {
	Order  string `json:"order"`
	Number int    `json:"number"`
	Status string `json:"status"`
}

func (UserSignup) Name() string          { return "user.signup" }
func (UserLogin) Name() string           { return "user.login" }
func (UserPurchase) Name() string        { return "user.purchase" }
func (ProductPriceChanged) Name() string { return "product.price-changed" }
func (NotificationSent) Name() string    { return "notification.sent" }
func (NewsRecall) Name() string          { return "news.recall" }
func (NewsOffer) Name() string           { return "news.offer" }
func (ParcelPick) Name() string          { return "parcel.pick" }
func (ParcelPickFirst) Name() string     { return "parcel.pick-first" }
func (ParcelMoved) Name() string         { return "parcel.moved" }
