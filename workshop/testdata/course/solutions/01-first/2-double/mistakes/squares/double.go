// The number is squared. In production small numbers hide it.
//
// want TestTwiceAsMuch: "Double(3) = 9"

package double

func Double(n int) (int, error) { return n * n, nil }
