package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"warren.example/workshop/broker"
	"warren.example/workshop/command/terminal"
	"warren.example/workshop/course"
)

// setUp makes the machine ready to judge: Go, what the tests import, a broker, which it returns. It reports each step the
// first time, and after Go has changed; later it only sees that the broker answers, if one was given.
func (c *console) setUp(ctx context.Context, d *desk, first course.Exercise) (course.Broker, error) {
	env, err := goEnv(ctx)
	if err != nil {
		return course.Broker{}, err
	}
	marker := filepath.Join(d.course.Scratch, "set-up")
	if before, err := os.ReadFile(marker); err == nil && string(before) == env["GOVERSION"] {
		return findBroker(ctx)
	}
	fmt.Fprintf(c.out, "%s · %s · about a minute of set-up, once\n", c.style.Bold("Warren"), count(len(d.course.Chapters), "chapter"))
	c.step(1, "Go "+strings.TrimPrefix(env["GOVERSION"], "go"), "ok ("+strings.TrimPrefix(oldestGo, "go")+" or newer; nothing else needed)")

	c.progress("fetching and building what the tests need …")
	began := time.Now()
	fetched, err := c.fetch(ctx, d, first, env)
	if err != nil {
		return course.Broker{}, err
	}
	spent := fmt.Sprintf("%.0f s", time.Since(began).Seconds())
	if fetched > 0 {
		spent = fmt.Sprintf("%.1f MB, %s", float64(fetched)/1e6, spent)
	}
	c.step(2, "fetching and building", spent)

	found, err := findBroker(ctx)
	if err != nil {
		return course.Broker{}, err
	}
	c.step(3, "broker", describe(found))
	fmt.Fprint(c.out, "Nothing was installed outside this folder and Go's cache.\n\n")
	if err := os.MkdirAll(d.course.Scratch, 0o755); err != nil {
		return course.Broker{}, err
	}
	return found, os.WriteFile(marker, []byte(env["GOVERSION"]), 0o644)
}

// step reports one step that is done.
func (c *console) step(number int, name, outcome string) {
	column := min(31, c.style.Width/2-6)
	indent := strings.Repeat(" ", 6+column)
	fmt.Fprintf(c.out, "[%d/3] %s%s\n", number, terminal.Pad(name, column), terminal.Wrap(outcome, c.style.Width, indent))
}

// describe names a broker, and says what ends it if it is ours.
func describe(b course.Broker) string {
	switch {
	case livesInTests(b):
		return "minirabbit, a stand-in inside each test. A real RabbitMQ, later: make up"
	case isExternal():
		return b.Name + " (" + broker.EnvAMQP + ")"
	}
	return b.Name + ". Stop: make down"
}

// fetch builds the first exercise's tests, and with them all that is imported, and returns how many bytes of modules that needs.
func (c *console) fetch(ctx context.Context, d *desk, first course.Exercise, env map[string]string) (int64, error) {
	skeleton := course.Variant{Exercise: first, Kind: course.Skeleton}
	verdict, err := course.Runner{}.Judge(ctx, skeleton, course.Options{Run: "^$"})
	if err != nil {
		return 0, err
	}
	if !verdict.Built {
		return 0, fmt.Errorf("build the tests of %s:\n%s\nIs the network there? Modules come from %s (GOPROXY)",
			first.ID, verdict.Output, env["GOPROXY"])
	}
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-test",
		"-f", "{{with .Module}}{{if .Version}}{{.Path}}/@v/{{.Version}}.zip{{end}}{{end}}", "./workshop", "./"+first.Path())
	list.Dir = d.course.Root
	out, err := list.Output()
	if err != nil {
		return 0, nil // only the number is missing
	}
	var bytes int64
	seen := map[string]bool{}
	for _, archive := range strings.Fields(string(out)) {
		if seen[archive] {
			continue
		}
		seen[archive] = true
		if info, err := os.Stat(filepath.Join(env["GOMODCACHE"], "cache", "download", escapeModule(archive))); err == nil {
			bytes += info.Size()
		}
	}
	return bytes, nil
}

// escapeModule spells a module path as Go's cache does: "!a" for "A" (https://go.dev/ref/mod#goproxy-protocol).
func escapeModule(path string) string {
	var b strings.Builder
	for _, char := range path {
		if unicode.IsUpper(char) {
			b.WriteByte('!')
		}
		b.WriteRune(unicode.ToLower(char))
	}
	return filepath.FromSlash(b.String())
}

// count returns a number with its noun: "1 chapter", "8 chapters".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
