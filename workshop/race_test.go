//go:build race

package main_test

// buildFlags are added when the command is built for the tests: they look for races in it where they look for their own.
var buildFlags = []string{"-race"}
