package transcript_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets more tests run at a time than there are processors, unless -parallel was given: scripts wait, they don't
// compute.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "16"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
