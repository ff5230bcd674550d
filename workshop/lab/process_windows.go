package lab

import "syscall"

// stillActive is what GetExitCodeProcess gives for a process that runs.
const stillActive = 259

// isAlive tells whether a process of this number runs. One that may not be asked counts.
func isAlive(pid int) bool {
	handle, err := syscall.OpenProcess(syscall.PROCESS_QUERY_INFORMATION, false, uint32(pid))
	if err != nil {
		return err == syscall.ERROR_ACCESS_DENIED
	}
	defer syscall.CloseHandle(handle)
	var code uint32
	return syscall.GetExitCodeProcess(handle, &code) != nil || code == stillActive
}
