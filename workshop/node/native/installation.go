package native

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"warren.example/workshop/broker"
)

// An installation is a RabbitMQ server on this machine.
type installation struct {
	root    string // the root folder it is installed in; "" for this machine's own
	home    string // its folder, as seen from outside root: sbin and plugins are in it
	version string // "3.10.8"
}

// plugins are the plugins that a node has enabled if they are installed, by the ability that they give.
var plugins = map[broker.Ability]string{
	broker.Management:     "rabbitmq_management",
	broker.Prometheus:     "rabbitmq_prometheus",
	broker.ConsistentHash: "rabbitmq_consistent_hash_exchange",
	broker.Streams:        "rabbitmq_stream",
}

// usualHomes are where packages put the server. The script in /usr/sbin is no use: it insists on root or the user
// rabbitmq, and runs the system's node.
var usualHomes = []string{
	"/usr/lib/rabbitmq/lib/rabbitmq_server-*",       // Debian, Fedora, openSUSE
	"/usr/lib/rabbitmq",                             // Arch
	"/opt/homebrew/opt/rabbitmq",                    // Homebrew, Apple silicon
	"/usr/local/opt/rabbitmq",                       // Homebrew, Intel
	"/home/linuxbrew/.linuxbrew/opt/rabbitmq",       // Homebrew, Linux
	"/opt/local/lib/rabbitmq/lib/rabbitmq_server-*", // MacPorts
	"/opt/rabbitmq*",                                // the generic archive
}

// findServer looks where the configuration says, else in the usual places, else in PATH.
func findServer(cfg Config) (installation, error) {
	if runtime.GOOS == "windows" {
		return installation{}, fmt.Errorf("%w that Warren could run: native nodes need Linux or macOS. "+
			"Use Docker, or a RabbitMQ of your own by %s", ErrNotInstalled, broker.EnvAMQP)
	}
	if cfg.Home == "" {
		cfg.Home = os.Getenv(EnvHome)
	}
	if cfg.Root == "" {
		cfg.Root = os.Getenv(EnvRoot)
	}
	if cfg.Root != "" {
		if err := canChangeRoot(); err != nil {
			return installation{}, fmt.Errorf("%s=%s: %w", EnvRoot, cfg.Root, err)
		}
	}
	for _, home := range candidates(cfg) {
		if server, ok := inspect(cfg.Root, home); ok {
			return server, nil
		}
	}
	switch {
	case cfg.Home != "":
		return installation{}, fmt.Errorf("%w in %s: %s must name a folder with sbin/rabbitmq-server and plugins in it",
			ErrNotInstalled, cfg.Home, EnvHome)
	case cfg.Root != "":
		return installation{}, fmt.Errorf("%w in %s: %s must name a root folder with /usr/lib/rabbitmq in it",
			ErrNotInstalled, cfg.Root, EnvRoot)
	}
	return installation{}, fmt.Errorf("%w: `%s`, or set %s to its folder", ErrNotInstalled, installCommand(), EnvHome)
}

// candidates lists folders that may be a server's, the likeliest first.
func candidates(cfg Config) []string {
	patterns := usualHomes
	if cfg.Home != "" {
		patterns = []string{cfg.Home}
	}
	var homes []string
	for _, pattern := range patterns {
		found, _ := filepath.Glob(filepath.Join(cfg.Root, pattern)) // the only error is a bad pattern
		homes = append(homes, found...)
	}
	if cfg.Home != "" || cfg.Root != "" {
		return homes
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		script, err := filepath.EvalSymlinks(filepath.Join(folder, "rabbitmq-server"))
		if err == nil {
			homes = append(homes, filepath.Dir(filepath.Dir(script)))
		}
	}
	return homes
}

// inspect reports whether a folder is a server's, and which version it is: that of its plugin rabbit, which is the server
// itself.
func inspect(root, home string) (installation, bool) {
	script, err := os.Stat(filepath.Join(home, "sbin", "rabbitmq-server"))
	if err != nil || script.IsDir() {
		return installation{}, false
	}
	found, _ := filepath.Glob(filepath.Join(home, "plugins", "rabbit-[0-9]*"))
	if len(found) == 0 {
		return installation{}, false
	}
	version := strings.TrimPrefix(filepath.Base(found[len(found)-1]), "rabbit-")
	return installation{root: root, home: home, version: strings.TrimSuffix(version, ".ez")}, true
}

// hasPlugin reports whether a plugin is installed.
func (i installation) hasPlugin(name string) bool {
	found, _ := filepath.Glob(filepath.Join(i.home, "plugins", name+"-[0-9]*"))
	return len(found) > 0
}

// script returns the path of one of the server's scripts as the node will see it, below its root.
func (i installation) script(name string) string {
	return filepath.Join("/", strings.TrimPrefix(i.home, i.root), "sbin", name)
}

// canChangeRoot reports why a server in another root folder can't be run here.
func canChangeRoot() error {
	if runtime.GOOS != "linux" {
		return errors.New("a server in another root folder needs Linux")
	}
	if os.Geteuid() != 0 {
		return errors.New("a server in another root folder needs root")
	}
	for _, tool := range []string{"unshare", "mount", "chroot"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("a server in another root folder needs %s: %w", tool, err)
		}
	}
	return nil
}

func installCommand() string {
	if runtime.GOOS == "darwin" {
		return "brew install rabbitmq"
	}
	return "sudo apt-get install --no-install-recommends rabbitmq-server"
}
