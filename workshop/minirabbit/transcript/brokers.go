package transcript

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// The environment names the real brokers to run scripts on.
const (
	// EnvBrokers is a list, separated by semicolons, of brokers, each an AMQP URL, the URL of its management API and,
	// if the broker may be stopped and starved, a command that is run with one of the words of Broker.Control:
	//
	//	amqp://guest:guest@127.0.0.1:5672 http://127.0.0.1:15672 /home/me/control-310;amqp://…
	EnvBrokers = "WORKSHOP_TRANSCRIPT_BROKERS"

	envAMQP       = "WORKSHOP_AMQP_URL"       // the workshop's broker, when EnvBrokers is not set
	envManagement = "WORKSHOP_MANAGEMENT_URL" // and its management API
)

// Brokers gives the real brokers that the environment names, none if it names none, and asks each for its version.
func Brokers() ([]Broker, error) {
	list := os.Getenv(EnvBrokers)
	if list == "" && os.Getenv(envAMQP) != "" && os.Getenv(envManagement) != "" {
		list = os.Getenv(envAMQP) + " " + os.Getenv(envManagement)
	}
	var brokers []Broker
	for _, one := range strings.Split(list, ";") {
		words := strings.Fields(one)
		if len(words) == 0 {
			continue
		}
		if len(words) < 2 {
			return nil, fmt.Errorf("%s: %q names no management API", EnvBrokers, one)
		}
		b := Broker{AMQP: words[0], Management: strings.TrimSuffix(words[1], "/")}
		if len(words) > 2 {
			b.Control = command(words[2])
		}
		version, err := b.Version()
		if err != nil {
			return nil, fmt.Errorf("broker %s: %w", b.Management, err)
		}
		b.Name = "RabbitMQ " + version
		brokers = append(brokers, b)
	}
	return brokers, nil
}

// command makes a Control of a program.
func command(program string) func(string) error {
	return func(word string) error {
		if said, err := exec.Command(program, word).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w: %s", program, word, err, said)
		}
		return nil
	}
}
