package wire_test

import (
	"bytes"
	"fmt"
	"net"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

// relay stands between clients and a broker. It hands all bytes on as they are, and checks on the way that each frame
// decodes and is encoded to the same bytes.
//
//	client ──► copyChecked("client") ──► broker
//	       ◄── copyChecked("broker") ◄──
type relay struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	heartbeats chan string // who sent one; what finds no room is not told

	mu    sync.Mutex // guards what follows
	conns []net.Conn
	seen  map[string]int // "client basic.publish", "broker header", "client wire.Int32"
	wrong []string
}

func startRelay(t *testing.T, target string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{listener: listener, target: target, seen: map[string]int{}, heartbeats: make(chan string, 8)}
	r.running.Add(1)
	go r.accept()
	t.Cleanup(r.close)
	return r
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// close ends all connections and waits for them. Safe to call twice.
func (r *relay) close() {
	r.listener.Close()
	r.mu.Lock()
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
}

func (r *relay) accept() {
	defer r.running.Done()
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		broker, err := net.Dial("tcp", r.target)
		if err != nil {
			r.blame("dial %s: %v", r.target, err)
			client.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, client, broker)
		r.mu.Unlock()
		r.running.Add(2)
		go r.copyChecked("client", broker, client)
		go r.copyChecked("broker", client, broker)
	}
}

func (r *relay) copyChecked(from string, dst, src net.Conn) {
	defer r.running.Done()
	defer dst.Close()
	var d wire.Decoder
	chunk := make([]byte, 1000) // small, so that frames are cut
	for {
		n, err := src.Read(chunk)
		d.Feed(chunk[:n])
		for {
			item, ok, err := d.Next()
			if err != nil {
				r.blame("%s: %v", from, err)
				return
			}
			if !ok {
				break
			}
			r.check(from, item)
			if _, err := dst.Write(item.Raw); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// check encodes again what an item decodes to.
func (r *relay) check(from string, item wire.Item) {
	if item.Protocol != nil {
		r.saw(from, "protocol header")
		r.compare(from, "protocol header", item.Raw, wire.AppendProtocolHeader(nil, *item.Protocol), nil)
		return
	}
	r.compare(from, "frame", item.Raw, wire.AppendFrame(nil, item.Frame), nil)
	switch payload := item.Frame.Payload; item.Frame.Type {
	case wire.FrameMethod:
		m, err := wire.DecodeMethod(payload)
		if err != nil {
			r.blame("%s: %v", from, err)
			return
		}
		again, err := wire.AppendMethod(nil, m)
		r.compare(from, m.String(), payload, again, err)
		r.saw(from, m.Name())
	case wire.FrameHeader:
		h, err := wire.DecodeHeader(payload)
		if err != nil {
			r.blame("%s: %v", from, err)
			return
		}
		again, err := wire.AppendHeader(nil, h)
		r.compare(from, h.String(), payload, again, err)
		r.saw(from, "header")
		r.sawTypes(from, h.Properties.Headers)
	case wire.FrameHeartbeat:
		r.saw(from, "heartbeat")
		select {
		case r.heartbeats <- from:
		default:
		}
	default:
		r.saw(from, item.Frame.Type.String())
	}
}

func (r *relay) sawTypes(from string, v wire.Value) {
	r.saw(from, fmt.Sprintf("%T", v))
	switch v := v.(type) {
	case wire.Table:
		for _, f := range v {
			r.sawTypes(from, f.Value)
		}
	case wire.Array:
		for _, e := range v {
			r.sawTypes(from, e)
		}
	}
}

func (r *relay) compare(from, what string, was, is []byte, err error) {
	if err != nil || !bytes.Equal(was, is) {
		r.blame("%s: %s\nwas %x\nis  %x\nerror %v", from, what, was, is, err)
	}
}

func (r *relay) saw(from, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[from+" "+what]++
}

func (r *relay) blame(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

// verdict returns what was wrong and what was seen, after close.
func (r *relay) verdict() (wrong []string, seen map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong, r.seen
}

// listing is seen as text, one direction and kind a line.
func listing(seen map[string]int) string {
	var lines []string
	for what, n := range seen {
		lines = append(lines, fmt.Sprintf("%-40s %4d", what, n))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
