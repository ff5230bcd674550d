package docker

import "warren.example/workshop/port"

// Service is the name under which the child serves its methods (net/rpc): Ready, Start, Do and Remove. Ready answers once
// the child has connected to the engine and removed what a dead predecessor left.
const Service = "Containers"

// A StartRequest asks for the containers of one group, started but not necessarily ready yet.
type StartRequest struct {
	Group string
	Image string
	Nodes []NodeRequest
}

// A NodeRequest describes one container of a group.
type NodeRequest struct {
	Host  string   // host name inside the group's network, the part behind the @ of the node's name
	Ports port.Set // ports on the loopback interface of this machine; they stay the same over a restart
}

// A StartReply names the containers in the order of the request.
type StartReply struct {
	Containers []string
}

// An Action is something done to one container.
type Action string

// The actions, in the words of broker.Node.
const (
	Kill     Action = "kill"
	Stop     Action = "stop"
	Start    Action = "start"
	Pause    Action = "pause"
	Resume   Action = "resume"
	AlarmOn  Action = "alarm-on"
	AlarmOff Action = "alarm-off"
)

// A DoRequest asks for an action on a container. Doing what is done already is no error.
type DoRequest struct {
	Container string
	Action    Action
}

// A RemoveRequest asks to end the containers of a group and to delete their data. An unknown group is no error.
type RemoveRequest struct {
	Group string
}

// An Empty reply says only that there was no error.
type Empty struct{}
