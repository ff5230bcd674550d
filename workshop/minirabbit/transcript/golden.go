package transcript

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Golden is what one version of RabbitMQ said: transcripts by the script's subject/name.
type Golden struct {
	Version     string
	Transcripts map[string][]string
}

// ReadGolden reads a version's folder. Nothing recorded is no error.
func ReadGolden(folder, version string) (Golden, error) {
	g := Golden{Version: version, Transcripts: map[string][]string{}}
	files, err := filepath.Glob(filepath.Join(folder, version, "*.txt"))
	if err != nil {
		return g, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return g, err
		}
		subject := strings.TrimSuffix(filepath.Base(file), ".txt")
		for _, part := range sections(string(text)) {
			g.Transcripts[subject+"/"+part.name] = part.lines
		}
	}
	return g, nil
}

// Write replaces the version's files of all subjects that occur in scripts. Transcripts of scripts that are gone go too.
func (g Golden) Write(folder string, scripts []Script) error {
	texts, order := map[string]*strings.Builder{}, []string{}
	for _, s := range scripts {
		if texts[s.Subject] == nil {
			order = append(order, s.Subject)
			texts[s.Subject] = &strings.Builder{}
			fmt.Fprintf(texts[s.Subject], "Recorded from RabbitMQ %s by go test -run TestRecord -record. Not to be edited.\n", g.Version)
		}
		if lines, ok := g.Transcripts[s.String()]; ok {
			fmt.Fprintf(texts[s.Subject], "\n-- %s --\n%s\n", s.Name, strings.Join(lines, "\n"))
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, g.Version), 0o755); err != nil {
		return err
	}
	for _, subject := range order {
		file := filepath.Join(folder, g.Version, subject+".txt")
		if !strings.Contains(texts[subject].String(), "\n-- ") {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.WriteFile(file, []byte(texts[subject].String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
