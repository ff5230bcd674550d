// Package record turns what a broker tells its journal into bytes and back, and knows which of it is still needed. It has
// no files.
//
// A record begins with a letter that says what it is. What follows are texts and bytes with their length in front, numbers
// of variable length, and methods and content headers as AMQP has them on the wire. The letters and what they mean never
// change: they are in files.
//
//	H h   a virtual host is put, deleted        Q q   a queue is declared, deleted
//	U u   a user                                M     a message; it belongs to the S that follow, up to the next M
//	P p   a user's permissions                  S s   a message is stored in a queue, removed from it
//	X x   an exchange                           D     it is delivered
//	B b   a binding                             R     it came back
//	O o   a broker takes the folder, gives      K     all in a queue counts as redelivered
//	      it back in good order
package record
