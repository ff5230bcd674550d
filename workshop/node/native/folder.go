package native

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A folder is where a node keeps all that is its own, as it sees it itself: below another root it sees other paths.
type folder struct {
	outside string // for this process
	inside  string // for the node
}

// The files and folders in it. HOME is the folder itself: Erlang looks for its cookie there.
const (
	fileCookie  = ".erlang.cookie"
	fileConfig  = "rabbitmq.conf"
	filePlugins = "enabled_plugins"
	fileNothing = "nothing" // stands in for the system's settings, which must not reach the node
	filePID     = "pid"
	fileLog     = "rabbit.log"
	fileOutput  = "output.log" // what is printed before the log is open, and Erlang's last words
	dirData     = "data"
	dirNothing  = "none"
)

// write makes the folder of a node that has not run yet.
func (f folder) write(cookie string, settings []string, enabled []string) error {
	slices.Sort(enabled)
	files := []struct {
		name, content string
		mode          os.FileMode
	}{
		{fileCookie, cookie, 0o400},
		{fileConfig, strings.Join(settings, "\n") + "\n", 0o644},
		{filePlugins, "[" + strings.Join(enabled, ",") + "].\n", 0o644},
		{fileNothing, "", 0o644},
	}
	for _, name := range []string{dirData, dirNothing} {
		if err := os.MkdirAll(f.path(name), 0o755); err != nil {
			return fmt.Errorf("make the node's folder: %w", err)
		}
	}
	for _, file := range files {
		if err := os.WriteFile(f.path(file.name), []byte(file.content), file.mode); err != nil {
			return fmt.Errorf("write the node's files: %w", err)
		}
	}
	return nil
}

// prepare makes the folder ready for the next run: what tells about the last one is deleted or set aside.
func (f folder) prepare() error {
	failures := []error{os.Remove(f.path(filePID))}
	for _, log := range []string{fileLog, fileOutput} {
		failures = append(failures, os.Rename(f.path(log), f.path("last-"+log)))
	}
	for _, err := range failures {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// path returns the path of one of the files for this process.
func (f folder) path(name string) string { return filepath.Join(f.outside, name) }

// environment returns the variables that lead the server's scripts to the folder, and away from the system's settings
// (https://www.rabbitmq.com/docs/configure#supported-environment-variables).
func (f folder) environment() []string {
	in := func(name string) string { return filepath.Join(f.inside, name) }
	return []string{
		"HOME=" + f.inside,
		"RABBITMQ_CONF_ENV_FILE=" + in(fileNothing),
		"RABBITMQ_CONFIG_FILE=" + in(fileConfig),
		"RABBITMQ_CONFIG_FILES=" + in(dirNothing),
		"RABBITMQ_ADVANCED_CONFIG_FILE=" + in(fileNothing+".config"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + in(filePlugins),
		"RABBITMQ_MNESIA_BASE=" + in(dirData),
		"RABBITMQ_LOG_BASE=" + f.inside,
		"RABBITMQ_LOGS=" + in(fileLog),
		"RABBITMQ_PID_FILE=" + in(filePID),
		"ERL_CRASH_DUMP_SECONDS=0", // no dump: it takes long and nobody reads it
	}
}

// newCookie makes the secret that nodes of one cluster share (https://www.rabbitmq.com/docs/clustering#erlang-cookie).
func newCookie() string { return rand.Text() }
