// Package failpoint lets something fail at named places, to see what survives. SHOP_FAILPOINT="outbox.confirmed:3" kills the
// program, as kill -9 does, when it comes to that place for the third time. Without the variable nothing happens.
//
// With SHOP_FAILPOINT_FILE it isn't killed there: it makes this file, and waits until somebody removes it. Meanwhile
// something else can be taken away from it, such as RabbitMQ.
package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The variables that name a place and a count, and a file.
const (
	Env     = "SHOP_FAILPOINT"
	EnvFile = "SHOP_FAILPOINT_FILE"
)

var (
	name, left = parse(os.Getenv(Env))
	file       = os.Getenv(EnvFile)
	reached    atomic.Int64
)

// Reach says that the program has come to a place.
func Reach(place string) {
	if place != name || reached.Add(1) != left {
		return
	}
	if file == "" {
		kill()
	}
	pause()
}

func parse(s string) (place string, count int64) {
	place, number, ok := strings.Cut(s, ":")
	if !ok {
		return place, 1
	}
	count, err := strconv.ParseInt(number, 10, 64)
	if err != nil || count < 1 {
		return "", 0
	}
	return place, count
}

// kill ends the process without a last word: nothing deferred runs, nothing is flushed.
func kill() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		os.Exit(137)
	}
	select {} // until the signal comes
}

// pause waits until the file is gone that it makes.
func pause() {
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for range ticker.C {
		if _, err := os.Stat(file); err != nil {
			return
		}
	}
}
