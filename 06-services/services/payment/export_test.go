package payment

// Start is New with another limit.
var Start = start
