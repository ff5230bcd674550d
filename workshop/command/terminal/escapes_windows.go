package terminal

import "golang.org/x/sys/windows"

// understandsEscapes asks the console to read escape sequences, which it does since Windows 10, but not by itself.
func understandsEscapes(fd int) bool {
	console := windows.Handle(fd)
	var mode uint32
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
