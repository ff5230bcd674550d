// Nobody is greeted like everybody. In production walls are talked to.
//
// want TestNobodyIsAnError: "an error"

package greet

func Greet(name string) (string, error) {
	return "Hello, " + name + ".", nil
}
