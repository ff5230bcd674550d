// Package fault has the errors of AMQP as RabbitMQ sends them: a code, a text, and whether they end the channel or the
// connection. It sends nothing.
package fault

import "fmt"

// Error ends a channel or a connection: its fields are those of channel.close and connection.close.
type Error struct {
	Code uint16
	// Text is as RabbitMQ sends it: "NOT_FOUND - no queue 'x' in vhost '/'". It has at most 255 bytes.
	Text string
	// Connection says that the whole connection is to be closed, not only the channel.
	Connection bool
	// Class and Method are the numbers of the method that made the error. Zero if none did, as with a consumer timeout.
	Class, Method uint16
}

// Error returns the text with the code: "404 NOT_FOUND - no queue 'x' in vhost '/'".
func (e *Error) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Text) }

// The codes of AMQP 0-9-1 (1.2 of the specification's generated documentation) that RabbitMQ uses.
const (
	NoRoute            uint16 = 312
	ConnectionForced   uint16 = 320
	AccessRefused      uint16 = 403
	NotFound           uint16 = 404
	ResourceLocked     uint16 = 405
	PreconditionFailed uint16 = 406
	FrameError         uint16 = 501
	SyntaxError        uint16 = 502
	CommandInvalid     uint16 = 503
	ChannelError       uint16 = 504
	UnexpectedFrame    uint16 = 505
	ResourceError      uint16 = 506
	NotAllowed         uint16 = 530
	NotImplemented     uint16 = 540
	InternalError      uint16 = 541
)

var names = map[uint16]string{
	NoRoute:            "NO_ROUTE",
	ConnectionForced:   "CONNECTION_FORCED",
	AccessRefused:      "ACCESS_REFUSED",
	NotFound:           "NOT_FOUND",
	ResourceLocked:     "RESOURCE_LOCKED",
	PreconditionFailed: "PRECONDITION_FAILED",
	FrameError:         "FRAME_ERROR",
	SyntaxError:        "SYNTAX_ERROR",
	CommandInvalid:     "COMMAND_INVALID",
	ChannelError:       "CHANNEL_ERROR",
	UnexpectedFrame:    "UNEXPECTED_FRAME",
	ResourceError:      "RESOURCE_ERROR",
	NotAllowed:         "NOT_ALLOWED",
	NotImplemented:     "NOT_IMPLEMENTED",
	InternalError:      "INTERNAL_ERROR",
}

// longest is what a short string of AMQP can hold.
const longest = 255

// Channel returns an error that closes the channel. The text begins with the name of the code: format "no queue" and code
// 404 give "NOT_FOUND - no queue". With an empty format the name stands alone.
func Channel(code uint16, format string, args ...any) *Error {
	return &Error{Code: code, Text: text(code, format, args)}
}

// Connection returns an error that closes the connection. The text is made as by Channel.
func Connection(code uint16, format string, args ...any) *Error {
	return &Error{Code: code, Text: text(code, format, args), Connection: true}
}

// text cuts as rabbit_binary_generator does: what is too long ends with three dots.
func text(code uint16, format string, args []any) string {
	whole := names[code]
	if format != "" {
		whole += " - " + fmt.Sprintf(format, args...)
	}
	if len(whole) > longest {
		whole = whole[:longest-3] + "..."
	}
	return whole
}
