package wire_test

import (
	"fmt"

	"warren.example/workshop/wire"
)

// A proxy feeds what it reads and looks at what is complete.
func Example() {
	chunks := []string{
		"\x01\x00\x01\x00\x00\x00\x0f\x00\x3c\x00\x28\x00\x00\x00\x06ord", // basic.publish, cut in the middle
		"ers\x00\xce",
	}
	var decoder wire.Decoder
	for _, chunk := range chunks {
		decoder.Feed([]byte(chunk))
		for {
			item, ok, err := decoder.Next()
			if err != nil {
				fmt.Println(err) // nothing after this can be understood
				return
			}
			if !ok {
				break // more bytes are needed
			}
			if item.Frame.Type == wire.FrameMethod {
				method, err := wire.DecodeMethod(item.Frame.Payload)
				fmt.Println(item.Frame.Channel, method, err)
			}
		}
	}
	// Output:
	// 1 basic.publish exchange="" key="orders" <nil>
}
