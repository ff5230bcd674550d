//go:build !linux

package storetest

// private is for Linux only: see private_linux.go.
func private() (url, missing string) { return "", "one is started by the tests only on Linux" }
