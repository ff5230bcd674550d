// Workshop is the command of the project: it judges exercises, runs brokers, and shows where one stands. Type
// `go run ./workshop` in the project's root to see what it can do. This file only connects it to the process; package
// command is what there is to read.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"warren.example/workshop/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(command.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
