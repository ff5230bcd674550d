package minirabbit

import "testing"

// Run starts a broker for a test and closes it when the test and its subtests are over. The test fails at once if the broker
// can't start.
func Run(t testing.TB, opts ...Option) *Server {
	t.Helper()
	s, err := Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
