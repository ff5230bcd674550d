//go:build !race

package main_test

// buildFlags are added when the command is built for the tests.
var buildFlags []string
