package shop

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"warren.example/06-services/config"
	"warren.example/06-services/service"
	"warren.example/workshop/minirabbit"
	"warren.example/workshop/scratch"
)

// local is what takes the place of servers on a bare machine: a folder, with SQLite's files and a minirabbit in it. Started
// again with the folder, the shop goes on where it was.
type local struct {
	folder        string // "" if nothing lies in one
	broker        *minirabbit.Server
	adminPassword string
	locks         []*scratch.Held
}

// Folder returns where the shop's files lie by these settings.
func Folder(c config.Config) (string, error) {
	if c.Folder != "" {
		return filepath.Abs(c.Folder)
	}
	dir, err := scratch.Dir()
	if err != nil {
		return "", fmt.Errorf("SHOP_FOLDER is empty, and there is no folder of the workshop: %w", err)
	}
	return filepath.Join(dir, "shop"), nil
}

// openLocal opens what the settings don't give to servers. No two processes may run the same service in one folder.
func openLocal(c config.Config, all, here []service.Definition) (*local, error) {
	l := &local{adminPassword: c.Admin.Password}
	needed := c.Folder != "" || c.Database == "" || len(c.AMQP) == 0
	if !needed {
		return l, nil
	}
	folder, err := Folder(c)
	if err != nil {
		return nil, err
	}
	l.folder = folder
	if err := l.open(c, all, here); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *local) open(c config.Config, all, here []service.Definition) (err error) {
	if err := os.MkdirAll(l.folder, 0o700); err != nil {
		return fmt.Errorf("make the shop's folder: %w", err)
	}
	for _, d := range here {
		if c.Database != "" {
			break
		}
		held, err := scratch.Lock(filepath.Join(l.folder, d.Name+".lock"))
		if errors.Is(err, scratch.ErrLocked) {
			return fmt.Errorf("%s runs already in %s: stop it, or choose another folder with SHOP_FOLDER", d.Name, l.folder)
		}
		if err != nil {
			return err
		}
		l.locks = append(l.locks, held)
	}
	if l.adminPassword == "" {
		if l.adminPassword, err = kept(l.folder, adminFile); err != nil {
			return err
		}
	}
	if len(c.AMQP) > 0 {
		return nil
	}
	if len(here) < len(all) {
		return errors.New("minirabbit serves but one process: to start some services only, set WORKSHOP_AMQP_URL")
	}
	options := []minirabbit.Option{minirabbit.WithFolder(filepath.Join(l.folder, "minirabbit")), minirabbit.WithManagement("")}
	for _, d := range all {
		p := minirabbit.Permissions(queues(d, c).Permissions())
		options = append(options, minirabbit.WithUser(minirabbit.User{Name: d.Name, Password: localPassword,
			Permissions: map[string]minirabbit.Permissions{"/": p}}))
	}
	l.broker, err = minirabbit.Start(options...)
	return err
}

// localPassword is everybody's at the minirabbit of this process, which listens on loopback only.
const localPassword = "guest"

func (l *local) close() error {
	var errs []error
	if l.broker != nil {
		errs = append(errs, l.broker.Close())
	}
	for _, held := range l.locks {
		errs = append(errs, held.Unlock())
	}
	return errors.Join(errs...)
}

// kept returns the secret in a file, and makes one up if there is none. Of several programs that do so at once, one wins.
func kept(folder, name string) (string, error) {
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		temporary := path + "." + rand.Text()
		if err := os.WriteFile(temporary, []byte(rand.Text()), 0o600); err != nil {
			return "", fmt.Errorf("make a secret: %w", err)
		}
		defer os.Remove(temporary)
		if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("make a secret: %w", err)
		}
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	return string(secret), nil
}
