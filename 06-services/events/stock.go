package events

// A Line is so many of a product.
type Line struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
}

// StockReserve asks the inventory to keep goods for an order: all of them or none. The answer is StockReserved or
// StockRejected.
type StockReserve struct {
	Order string `json:"order"`
	Lines []Line `json:"lines"`
}

// StockRelease asks the inventory to keep nothing for an order any more. A StockReserve that comes later is rejected. The
// answer is StockReleased, also where nothing was kept.
type StockRelease struct {
	Order string `json:"order"`
}

// StockCommit tells the inventory that what is kept for an order is sold. The answer is StockCommitted.
type StockCommit struct {
	Order string `json:"order"`
}

// StockReturn tells the inventory that the goods of a refunded order come back. It may overtake the StockCommit. The answer is
// StockReturned.
type StockReturn struct {
	Order  string `json:"order"`
	Refund string `json:"refund"`
}

// StockReserved says that all goods of an order are kept for it.
type StockReserved struct {
	Order string `json:"order"`
}

// StockRejected says that nothing is kept for an order, and why: "out_of_stock" (SKU, Wanted and Available say of what),
// "released" (a StockRelease came first), "unknown_product" or "too_late" (the command's not-after).
type StockRejected struct {
	Order     string `json:"order"`
	Reason    string `json:"reason"`
	SKU       string `json:"sku,omitempty"`
	Wanted    int    `json:"wanted,omitempty"`
	Available int    `json:"available,omitempty"`
}

// StockReleased says that nothing is kept for an order, and nothing will be.
type StockReleased struct {
	Order string `json:"order"`
}

// StockCommitted says that an order's goods have left the stock.
type StockCommitted struct {
	Order string `json:"order"`
}

// StockReturned says that the goods of a refunded order are back.
type StockReturned struct {
	Order  string `json:"order"`
	Refund string `json:"refund"`
}

// StockLevel says how many of a product can be ordered. The message's Version counts the changes of this product.
type StockLevel struct {
	SKU       string `json:"sku"`
	Available int    `json:"available"`
}

func (StockReserve) Name() string   { return "stock.reserve" }
func (StockRelease) Name() string   { return "stock.release" }
func (StockCommit) Name() string    { return "stock.commit" }
func (StockReturn) Name() string    { return "stock.return" }
func (StockReserved) Name() string  { return "stock.reserved" }
func (StockRejected) Name() string  { return "stock.rejected" }
func (StockReleased) Name() string  { return "stock.released" }
func (StockCommitted) Name() string { return "stock.committed" }
func (StockReturned) Name() string  { return "stock.returned" }
func (StockLevel) Name() string     { return "stock.level" }
