//go:build windows

package gotest

import (
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// A family is a child process with all that it starts: a job object. Children that start in the instant before the job
// has taken their parent in are not members of it.
type family struct {
	cmd *exec.Cmd
	job windows.Handle
}

// newFamily prepares cmd before it is started.
func newFamily(cmd *exec.Cmd) *family {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	return &family{cmd: cmd}
}

// started takes the process into the job. The job ends with its last handle, so also when this process dies.
func (f *family) started() error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return fmt.Errorf("create a job object: %w", err)
	}
	f.job = job
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{
			LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
		},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		return fmt.Errorf("limit a job object: %w", err)
	}
	const rights = windows.PROCESS_SET_QUOTA | windows.PROCESS_TERMINATE
	process, err := windows.OpenProcess(rights, false, uint32(f.cmd.Process.Pid))
	if err != nil {
		return fmt.Errorf("open process %d: %w", f.cmd.Process.Pid, err)
	}
	defer windows.CloseHandle(process)
	if err := windows.AssignProcessToJobObject(job, process); err != nil {
		return fmt.Errorf("put process %d into its job: %w", f.cmd.Process.Pid, err)
	}
	return nil
}

// ask ends the family; Windows has no gentle way for a process without a window.
func (f *family) ask() error { return windows.TerminateJobObject(f.job, 1) }

// end ends whoever of the family is left.
func (f *family) end() {
	if f.job == 0 {
		return
	}
	_ = windows.TerminateJobObject(f.job, 1) // what fails here is ended by closing the last handle
	_ = windows.CloseHandle(f.job)
	f.job = 0
}
