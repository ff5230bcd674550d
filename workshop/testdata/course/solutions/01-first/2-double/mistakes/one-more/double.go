// One is added. In production the first customer is content.
//
// want TestTwiceAsMuch: "Double(3) = 4"

package double

func Double(n int) (int, error) { return n + 1, nil }
