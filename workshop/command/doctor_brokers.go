package command

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"

	"warren.example/workshop/node/native"
	"warren.example/workshop/port"
)

func checkBroker(ctx context.Context, _ *console) finding {
	found, err := findBroker(ctx)
	switch {
	case err != nil:
		return finding{broken, err.Error(), ""}
	case livesInTests(found):
		return finding{fine, found.Name + ", inside each test. A real RabbitMQ: " + makeOr("up"), ""}
	}
	return finding{fine, found.Name, ""}
}

func checkDocker(ctx context.Context, _ *console) finding {
	if !isThere("docker") {
		return finding{remark, "not installed; up is what needs it, or else a RabbitMQ", ""}
	}
	out, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		lines := strings.Split(text, "\n")
		return finding{remark, "installed, but no engine answers: " + lines[len(lines)-1],
			"start Docker, and see that you may use it (`docker version`)"}
	}
	return finding{fine, "engine " + text, ""}
}

func checkRabbitMQ(ctx context.Context, _ *console) finding {
	driver, err := native.New(native.Config{})
	if errors.Is(err, native.ErrNotInstalled) {
		return finding{remark, "not installed; up is what needs it, or else Docker", goRun("up --install")}
	}
	var installed string
	if err == nil {
		defer driver.Close()
		installed, err = driver.Version(ctx)
	}
	if err != nil {
		return finding{remark, err.Error(), ""}
	}
	return finding{fine, installed + " is installed", ""}
}

// checkPorts looks at RabbitMQ's usual ports. One that is taken is no harm: `up` takes another.
func checkPorts(context.Context, *console) finding {
	any, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return finding{broken, "no port can be opened on 127.0.0.1: " + err.Error(), "see whether a firewall or a sandbox forbids it"}
	}
	any.Close()
	var taken []string
	for _, number := range []int{port.Usual.AMQP, port.Usual.Management} {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(number)))
		if err != nil {
			taken = append(taken, strconv.Itoa(number))
			continue
		}
		listener.Close()
	}
	if len(taken) > 0 {
		return finding{fine, fmt.Sprintf("taken: %s. up takes others then", strings.Join(taken, ", ")), ""}
	}
	return finding{fine, "RabbitMQ's usual ones are free", ""}
}
