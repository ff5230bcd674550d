package shop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"warren.example/06-services/config"
)

// A running shop is what other programs on this machine can know of it: a file in its folder, as long as its gateway runs.
type running struct {
	Gateway  string   `json:"gateway"`  // its URL
	Provider string   `json:"provider"` // the payment provider's address, if it runs there too
	AMQP     []string `json:"amqp"`     // RabbitMQ's URLs, with password: only the owner may read the file
}

func runningFile(folder string) string { return filepath.Join(folder, "running.json") }

// tell writes the file, if the gateway and a folder are here.
func (s *Shop) tell() error {
	if s.local.folder == "" || s.Address("gateway") == "" {
		return nil
	}
	text, err := json.Marshal(running{Gateway: s.gateway(), Provider: s.Address("provider"), AMQP: s.brokers[""]})
	if err != nil {
		return err
	}
	if err := os.WriteFile(runningFile(s.local.folder), text, 0o600); err != nil {
		return fmt.Errorf("say where the shop is: %w", err)
	}
	return nil
}

// hush removes it.
func (s *Shop) hush() {
	if s.local.folder != "" && s.Address("gateway") != "" {
		_ = os.Remove(runningFile(s.local.folder)) // one that stays leads nowhere
	}
}

// gateway returns the URL that customers use.
func (s *Shop) gateway() string {
	if s.secured.customers != nil {
		return "https://" + s.Address("gateway")
	}
	return "http://" + s.Address("gateway")
}

// find returns where the shop is: by the settings, or by its file.
func find(c config.Config) (r running, err error) {
	folder, err := Folder(c)
	if err != nil {
		return r, err
	}
	text, err := os.ReadFile(runningFile(folder))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if c.Gateway.Listen != "" {
		r.Gateway = "http://" + c.Gateway.Listen
	}
	if len(c.AMQP) > 0 {
		r.AMQP = c.AMQP
	}
	if r.Gateway != "" && len(r.AMQP) > 0 {
		return r, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("no shop runs in %s: start it, or say with SHOP_FOLDER where it is", folder)
	}
	return r, err
}
