package reconnect

import (
	"time"

	"warren.example/workshop/todo"
)

// notDone is what unfinished work returns.
var notDone = todo.New("01/5")

// notDelayed is what unfinished work returns where no error can be returned.
const notDelayed time.Duration = -1
