package command

import (
	"context"
	"encoding/json"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"warren.example/workshop/course"
	"warren.example/workshop/scratch"
)

// What the workshop needs of a machine.
const (
	oldestGo  = "go1.25"
	enoughMiB = 2048 // Go's cache, a node's data, a container image
	leastMiB  = 300  // builds and tests begin to fail below it
)

func checkProject(context.Context, *console) finding {
	root, err := scratch.Root()
	if err != nil {
		return finding{broken, err.Error(), "go to the folder that you cloned"}
	}
	catalogue, err := course.Load(root)
	if err != nil {
		return finding{broken, err.Error(), "undo the change to that file: git diff shows it"}
	}
	return finding{fine, fmt.Sprintf("%s, %d exercises", root, len(catalogue.Exercises())), ""}
}

func checkGo(ctx context.Context, _ *console) finding {
	const advice = "install a current Go: https://go.dev/dl/"
	env, err := goEnv(ctx)
	if err != nil {
		return finding{broken, err.Error(), advice}
	}
	installed := env["GOVERSION"]
	switch {
	case version.Compare(installed, oldestGo) < 0:
		return finding{broken, installed + ", too old: " + oldestGo + " or newer is needed", advice}
	case env["GOWORK"] == "off":
		return finding{remark, installed + ", but GOWORK=off hides the workspace", "unset GOWORK"}
	case strings.Contains(env["GOFLAGS"], "-mod=mod"), strings.Contains(env["GOFLAGS"], "-overlay"):
		return finding{broken, installed + ", but GOFLAGS=" + env["GOFLAGS"] + " gets in the way", "unset GOFLAGS"}
	}
	return finding{fine, strings.TrimPrefix(installed, "go") + " (" + strings.TrimPrefix(oldestGo, "go") + " or newer)", ""}
}

// goEnv asks the go command about itself.
func goEnv(ctx context.Context) (map[string]string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "-json", "GOVERSION", "GOWORK", "GOFLAGS", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return nil, fmt.Errorf("ask the go command about itself: %w", err)
	}
	env := map[string]string{}
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	return env, nil
}

func checkCompiler(ctx context.Context, _ *console) finding {
	root, err := scratch.Root()
	if err != nil {
		return finding{remark, "not looked at: no project", ""}
	}
	catalogue, err := course.Load(root)
	if err != nil {
		return finding{remark, "not looked at: the catalogue can't be read", ""}
	}
	if ok, why := catalogue.RaceDetector(ctx); !ok {
		return finding{remark, "exercises are judged without the race detector: " + why, ""}
	}
	return finding{fine, "the race detector works", ""}
}

func checkFolder(context.Context, *console) finding {
	dir, err := scratch.Dir()
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, "doctor-*"); err == nil {
			probe.Close()
			err = os.Remove(probe.Name())
		}
	}
	if err != nil {
		return finding{broken, "can't be written: " + err.Error(), "clone the project to a folder of your own"}
	}
	if strings.HasPrefix(dir, "/mnt/") && os.Getenv("WSL_DISTRO_NAME") != "" {
		return finding{remark, filepath.Dir(dir) + " is a Windows drive: slow, and saves are found only by looking",
			"clone the project below your home folder in WSL"}
	}
	return finding{fine, "can be written", ""}
}

func checkDisk(context.Context, *console) finding {
	root, err := scratch.Root()
	if err != nil {
		return finding{remark, "not looked at: no project", ""}
	}
	free, err := freeBytes(root)
	if err != nil {
		return finding{remark, "can't be asked: " + err.Error(), ""}
	}
	mib := free / (1 << 20)
	text := fmt.Sprintf("%.1f GB free", float64(free)/1e9)
	switch {
	case mib < leastMiB:
		return finding{broken, text, "make room; `go clean -cache` frees what Go can build again"}
	case mib < enoughMiB:
		return finding{remark, text + ": enough for exercises, scarce for containers and clusters", ""}
	}
	return finding{fine, text, ""}
}

func checkTerminal(_ context.Context, c *console) finding {
	if !c.canWatch() {
		return finding{remark, "none here: start can't watch your files", "type " + goRun("start") + " in a terminal"}
	}
	text := fmt.Sprintf("%d columns", c.style.Width)
	if !c.style.Colour {
		text += ", without colour (NO_COLOR, or TERM=dumb)"
	}
	if narrow := 60; c.style.Width < narrow {
		return finding{remark, text, fmt.Sprintf("%d columns read better", narrow)}
	}
	return finding{fine, text, ""}
}
