package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"warren.example/workshop/broker"
)

// page waits until what the broker that is up serves by HTTP matches: page /api/queues '"name":"hello"'. Negated, and without
// arguments, it waits until nothing answers any more where it was asked last.
func page(ts *testscript.TestScript, neg bool, args []string) {
	switch {
	case neg && len(args) == 0:
		await(ts, func() error {
			if _, err := get(ts.Getenv("PAGE")); err == nil {
				return fmt.Errorf("%s still answers", ts.Getenv("PAGE"))
			}
			return nil
		})
	case !neg && len(args) == 2:
		raw, err := os.ReadFile(filepath.Join(ts.Getenv("COURSE"), ".workshop", "up.json"))
		ts.Check(err)
		var state broker.State
		ts.Check(json.Unmarshal(raw, &state))
		ts.Setenv("PAGE", state.Management)
		want := regexp.MustCompile(args[1])
		await(ts, func() error {
			got, err := get(state.Management + args[0])
			if err == nil && !want.MatchString(got) {
				err = fmt.Errorf("%s: no match for %s in\n%s", args[0], want, got)
			}
			return err
		})
	default:
		ts.Fatalf("usage: page PATH PATTERN, or ! page")
	}
}

// get returns what is at a URL, which has user and password in it.
func get(url string) (string, error) {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// hasDemos reports whether the chapters lie beside this module.
func hasDemos() bool {
	_, err := os.Stat(filepath.Join(repository, "01-basics", "demo"))
	return err == nil
}

// repository is the project's root, as the tests see it.
const repository = ".."
