package order

// NewOrders makes the application itself, for tests that let deadlines pass without waiting.
var NewOrders = newOrders
