package watch_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/command/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ways are the ways in which editors save. Each is given a file that exists.
var ways = map[string]func(t *testing.T, file string){
	"in place": func(t *testing.T, file string) {
		require.NoError(t, os.WriteFile(file, []byte("package in_place\n"), 0o644))
	},
	"write beside, rename over": func(t *testing.T, file string) {
		beside := file + ".tmp~"
		require.NoError(t, os.WriteFile(beside, []byte("package beside\n"), 0o644))
		require.NoError(t, os.Rename(beside, file))
	},
	"move away, write anew": func(t *testing.T, file string) { // vim with backupcopy=no
		require.NoError(t, os.Rename(file, file+"~"))
		require.NoError(t, os.WriteFile(file, []byte("package anew\n"), 0o644))
		require.NoError(t, os.Remove(file+"~"))
	},
	"same content once more": func(t *testing.T, file string) {
		later := time.Now().Add(time.Minute)
		require.NoError(t, os.Chtimes(file, later, later))
	},
	"replaced by one of the same size and time": func(t *testing.T, file string) {
		old, err := os.Stat(file)
		require.NoError(t, err)
		beside := file + "~"
		require.NoError(t, os.WriteFile(beside, []byte("package begun\n"), 0o644))
		require.NoError(t, os.Chtimes(beside, old.ModTime(), old.ModTime()))
		require.NoError(t, os.Rename(beside, file))
	},
}

func TestEverySaveIsSeen(t *testing.T) {
	t.Parallel()
	configs := map[string]watch.Config{
		"by events":  {Slow: time.Hour},
		"by looking": {Poll: true, Fast: time.Millisecond},
	}
	for mode, config := range configs {
		for way, save := range ways {
			t.Run(mode+", "+way, func(t *testing.T) {
				t.Parallel()
				config := config
				config.Folder = t.TempDir()
				file := filepath.Join(config.Folder, "hello.go")
				require.NoError(t, os.WriteFile(file, []byte("package start\n"), 0o644))
				w := watch.Start(config)
				defer w.Close()
				for range 3 {
					save(t, file)
					await(t, w)
				}
			})
		}
	}
}

func TestSavesAreFoundWhereEventsDoNotArrive(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "1-hello")
	require.NoError(t, os.Mkdir(folder, 0o755))
	notes := make(chan string, 10)
	w := watch.Start(watch.Config{
		Folder: folder, Slow: time.Millisecond, Fast: time.Millisecond,
		Note: func(note string) { notes <- note },
	})
	defer w.Close()

	// A folder that was removed and made again has no watch any more, as one on a drive without events.
	require.NoError(t, os.Remove(folder))
	require.NoError(t, os.Mkdir(folder, 0o755))
	for _, name := range []string{"a.go", "b.go", "c.go", "d.go"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o644))
		await(t, w)
	}
	select {
	case note := <-notes:
		require.Contains(t, note, "don't arrive")
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was said about the missing events")
	}
	require.Empty(t, notes, "it is said once")
}

func TestAFolderThatIsMissingIsWatchedByLooking(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "later")
	var note string
	w := watch.Start(watch.Config{Folder: folder, Fast: time.Millisecond, Note: func(n string) { note = n }})
	defer w.Close()
	require.Contains(t, note, "No file events here")
	require.NoError(t, os.Mkdir(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a.go"), nil, 0o644))
	await(t, w)
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	w := watch.Start(watch.Config{Folder: t.TempDir()})
	require.NoError(t, w.Close())
	require.NoError(t, w.Close())
}

func await(t *testing.T, w *watch.Watcher) {
	t.Helper()
	select {
	case <-w.Saved():
	case <-time.After(10 * time.Second):
		t.Fatal("the save was not seen")
	}
}
