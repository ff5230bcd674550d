package wire

// A visitor is shown the fields of a method, or the properties of a message, one after another in wire order. There are
// three: decoding fills the fields in, encoding writes them, printing describes them. So each method is described once,
// by its method fields, and the three cannot disagree.
//
// The methods are named after the types of AMQP 0-9-1, 4.2.1. Bits next to each other share octets (4.2.5.2); visitors
// see to it.
type visitor interface {
	bit(name string, v *bool)
	octet(name string, v *uint8)
	short(name string, v *uint16)
	long(name string, v *uint32)
	longlong(name string, v *uint64)
	timestamp(name string, v *Timestamp)
	shortstr(name string, v *string)
	longstr(name string, v *string)
	secret(name string, v *string) // a longstr that must not be printed
	table(name string, v *Table)
}
