package native

import (
	"os"
	"path/filepath"
	"strings"
)

// A command is a program to run, with its arguments and its complete environment.
type command struct {
	args        []string
	environment []string
}

// mountPoint is where a server in another root folder sees the folder of its group.
const mountPoint = "/mnt"

// enter runs a program below another root folder, $1, where it sees the group's folder, $2, at the mount point $3. The
// mounts are in a namespace of their own: they end with the last process in it, however it ends.
const enter = `
mount --rbind /proc "$1/proc" && mount --rbind /dev "$1/dev" && mount --bind "$2" "$1$3" || exit
root=$1
shift 3
exec chroot "$root" "$@"
`

// envOwner names the variable that tells to whom a process belongs: the group's folder. All that a group starts inherits it.
const envOwner = "WORKSHOP_NODES"

// command returns how to run one of the server's programs for a group whose folder is dir.
func (i installation) command(dir string, environment []string, args ...string) command {
	if i.root != "" {
		args = append([]string{"unshare", "--mount", "--propagation", "private",
			"sh", "-c", enter, "enter", i.root, dir, mountPoint}, args...)
	}
	return command{args: args, environment: append(environment, "PATH="+searchPath(), "LC_ALL=C.UTF-8", envOwner+"="+dir)}
}

// inside returns the path by which a group's node sees a folder below the group's folder.
func (i installation) inside(dir, name string) string {
	if i.root != "" {
		dir = mountPoint
	}
	return filepath.Join(dir, name)
}

// searchPath is this process's PATH with the folders added in which erl and epmd are, where it lacks them.
func searchPath() string {
	folders := []string{os.Getenv("PATH"), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
		"/opt/homebrew/bin", "/opt/local/bin", "/home/linuxbrew/.linuxbrew/bin"}
	return strings.Join(folders, string(os.PathListSeparator))
}
