// Package notation writes AMQP methods, their content and their tables as text and reads them back: the language of the
// transcript suite's scripts and of its recordings.
//
//	basic.publish exchange=orders key=eu.new mandatory delivery-mode=2 headers={n=1 from="shop"} body="a parcel"
//
// Names are AMQP's, but for the short ones of wire's own printing (key, tag, consumer, code, text). A bit is set by its
// name alone. Unlike wire's printing, nothing that is not zero is shortened and the type of every value in a table is
// seen: 5 is a 32-bit integer, int64(5) one of 64 bits, "5" a string.
//
// It judges nothing: an impossible method is for the broker to refuse.
package notation
