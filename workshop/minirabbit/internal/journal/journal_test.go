package journal_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"warren.example/workshop/minirabbit/internal/broker"
	"warren.example/workshop/minirabbit/internal/journal"
	"warren.example/workshop/minirabbit/internal/journal/wal"
	"warren.example/workshop/minirabbit/internal/message"
	"warren.example/workshop/minirabbit/internal/vhost"
	"warren.example/workshop/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is a broker with a journal.
type place struct {
	*broker.Broker
	*journal.Journal
}

func (p *place) Close() error {
	defer p.Broker.Close()
	return p.Journal.Close()
}

func open(t testing.TB, o journal.Options) *place {
	t.Helper()
	p, err := try(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func try(o journal.Options) (*place, error) {
	b := broker.New(broker.Options{Empty: true})
	o.Replay = b
	j, err := journal.Open(o)
	if err == nil {
		err = b.UseJournal(j, j.Fresh())
	}
	if err != nil {
		b.Close()
		return nil, err
	}
	j.Start(b)
	return &place{b, j}, nil
}

// client is a channel in confirm mode, and what it was told.
type client struct {
	*vhost.Channel
	mu       sync.Mutex
	changed  sync.Cond
	answered uint64          // the highest number
	nacked   map[uint64]bool // numbers of basic.nack
	got      []string
	tags     []uint64
}

func (p *place) client(t testing.TB) *client {
	t.Helper()
	h, ok := p.Host("/")
	require.True(t, ok)
	c := &client{nacked: make(map[uint64]bool)}
	c.changed.L = &c.mu
	c.Channel = h.Connect(vhost.ConnInfo{Name: "client", User: "guest"}).OpenChannel(1, c, nil)
	require.Nil(t, c.Handle(&wire.ConfirmSelect{}))
	return c
}

func (c *client) HasRoom() bool { return true }

func (c *client) Send(m wire.Method, content *message.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m := m.(type) {
	case *wire.BasicAck:
		c.answered = max(c.answered, m.DeliveryTag)
	case *wire.BasicNack:
		c.answered = max(c.answered, m.DeliveryTag)
		c.nacked[m.DeliveryTag] = true
	case *wire.BasicGetOk:
		c.got = append(c.got, string(content.Body))
		c.tags = append(c.tags, m.DeliveryTag)
	}
	c.changed.Broadcast()
}

func (c *client) queue(t testing.TB, name string) {
	require.Nil(t, c.Handle(&wire.QueueDeclare{Queue: name, Durable: true}))
}

func (c *client) publish(t testing.TB, queue, body string) {
	h := &wire.ContentHeader{Class: 60, BodySize: uint64(len(body)), Properties: wire.Properties{DeliveryMode: wire.Some(uint8(2))}}
	require.Nil(t, c.Publish(&wire.BasicPublish{RoutingKey: queue}, h, []byte(body)))
}

// answer waits for the answer to publish n, and returns whether it is an ack.
func (c *client) answer(n uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.answered < n {
		c.changed.Wait()
	}
	return !c.nacked[n]
}

// take acknowledges n messages of the queue.
func (c *client) take(t testing.TB, queue string, n int) {
	for range n {
		require.Nil(t, c.Handle(&wire.BasicGet{Queue: queue, NoAck: true}))
	}
}

// all takes everything there is.
func (c *client) all(t testing.TB, queue string) []string {
	for before := -1; before != len(c.got); {
		before = len(c.got)
		require.Nil(t, c.Handle(&wire.BasicGet{Queue: queue, NoAck: true}))
	}
	return c.got
}

func TestConsumedMessagesLeaveTheFolder(t *testing.T) {
	o := journal.Options{Folder: t.TempDir(), SegmentBytes: 16 << 10}
	published, taken := 0, 0
	for range 3 {
		p := open(t, o)
		c := p.client(t)
		c.queue(t, "q")
		for i := uint64(1); i <= 1500; i++ {
			c.publish(t, "q", fmt.Sprintf("%0100d", published))
			published++
			if i%50 == 0 {
				require.True(t, c.answer(i))
			}
			if published > 10 {
				c.take(t, "q", 1)
				taken++
			}
		}
		require.NoError(t, p.Close())
	}
	p := open(t, o)
	awaitSize(t, o.Folder, 200_000)
	var want []string
	for i := taken; i < published; i++ {
		want = append(want, fmt.Sprintf("%0100d", i))
	}
	require.Equal(t, want, p.client(t).all(t, "q"))
}

// awaitSize waits until a journal that is open takes less than that many bytes. 450,000 were published, of the bodies alone. The
// journal becomes shorter beside all other work, and Close does not wait for that.
func awaitSize(t testing.TB, folder string, limit int64) {
	t.Helper()
	small := func() bool { return sizeOf(t, folder) < limit }
	require.Eventually(t, small, time.Minute, 5*time.Millisecond, "the journal does not become shorter than %d bytes", limit)
}

// sizeOf is how many bytes the journal in a folder takes.
func sizeOf(t testing.TB, folder string) (bytes int64) {
	files, err := filepath.Glob(filepath.Join(folder, "*.wal"))
	require.NoError(t, err)
	for _, f := range files {
		info, err := os.Stat(f)
		if errors.Is(err, fs.ErrNotExist) { // it was made shorter meanwhile
			continue
		}
		require.NoError(t, err)
		bytes += info.Size()
	}
	return bytes
}

func TestWhatAStreamDropsLeavesTheFolder(t *testing.T) {
	o := journal.Options{Folder: t.TempDir(), SegmentBytes: 16 << 10}
	for range 3 {
		p := open(t, o)
		c := p.client(t)
		require.Nil(t, c.Handle(&wire.QueueDeclare{Queue: "s", Durable: true, Arguments: wire.Table{
			{Name: "x-queue-type", Value: wire.String("stream")},
			{Name: "x-max-length-bytes", Value: wire.Int32(5000)},
			{Name: "x-stream-max-segment-size-bytes", Value: wire.Int32(2000)},
		}}))
		for i := uint64(1); i <= 1500; i++ {
			c.publish(t, "s", fmt.Sprintf("%0100d", i))
			if i%50 == 0 {
				require.True(t, c.answer(i))
			}
		}
		require.NoError(t, p.Close())
	}
	open(t, o)
	awaitSize(t, o.Folder, 200_000)
}

func TestManyHostsShareAJournal(t *testing.T) {
	o := journal.Options{Folder: t.TempDir(), SegmentBytes: 8 << 10}
	p := open(t, o)
	var group sync.WaitGroup
	for g := range 4 {
		host := fmt.Sprint("host-", g)
		p.PutHost(host)
		h, ok := p.Host(host)
		require.True(t, ok)
		group.Go(func() {
			c := &client{nacked: make(map[uint64]bool)}
			c.changed.L = &c.mu
			c.Channel = h.Connect(vhost.ConnInfo{}).OpenChannel(1, c, nil)
			_ = c.Handle(&wire.ConfirmSelect{})
			c.queue(t, "q")
			for i := uint64(1); i <= 300; i++ {
				c.publish(t, "q", fmt.Sprint(g, i))
				c.answer(i)
			}
		})
	}
	group.Wait()
	require.True(t, p.DeleteHost("host-3"))
	require.NoError(t, p.Close())
	p = open(t, o)
	require.Equal(t, []string{"/", "host-0", "host-1", "host-2"}, p.Hosts())
	for g, name := range p.Hosts()[1:] {
		h, _ := p.Host(name)
		c := &client{nacked: make(map[uint64]bool)}
		c.changed.L = &c.mu
		c.Channel = h.Connect(vhost.ConnInfo{}).OpenChannel(1, c, nil)
		got := c.all(t, "q")
		require.Len(t, got, 300)
		for i, body := range got {
			require.Equal(t, fmt.Sprint(g, i+1), body)
		}
	}
}

// full is a disk with room for so many bytes.
type full struct{ left atomic.Int64 }

type fullFile struct {
	*os.File
	disk *full
}

func (d *full) create(path string) (wal.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return fullFile{file, d}, err
}

func (f fullFile) Write(b []byte) (int, error) {
	if f.disk.left.Add(-int64(len(b))) < 0 {
		return 0, syscall.ENOSPC
	}
	return f.File.Write(b)
}

func TestFullDiskRefusesConfirms(t *testing.T) {
	d := &full{}
	d.left.Store(20_000)
	folder := t.TempDir()
	p := open(t, journal.Options{Folder: folder, Create: d.create})
	c := p.client(t)
	c.queue(t, "q")
	var want []string
	n := uint64(0)
	for acked := true; acked; {
		n++
		c.publish(t, "q", fmt.Sprint("message ", n))
		if acked = c.answer(n); acked {
			want = append(want, fmt.Sprint("message ", n))
		}
	}
	require.NotEmpty(t, want)
	for range 3 {
		n++
		c.publish(t, "q", "too late")
		require.False(t, c.answer(n), "every later one is refused too")
	}
	require.ErrorIs(t, p.Close(), syscall.ENOSPC)
	require.Equal(t, "disk", p.Alarm())

	got := open(t, journal.Options{Folder: folder}).client(t).all(t, "q")
	require.GreaterOrEqual(t, len(got), len(want))
	require.Equal(t, want, got[:len(want)])
}

func TestDamagedFolderIsNamed(t *testing.T) {
	o := journal.Options{Folder: t.TempDir()}
	p := open(t, o)
	p.client(t).queue(t, "q")
	require.NoError(t, p.Close())
	path := filepath.Join(o.Folder, "0000000001-0000000001.wal")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[40] ^= 1
	require.NoError(t, os.WriteFile(path, data, 0o600))
	_, err = try(o)
	var damaged *wal.CorruptError
	require.ErrorAs(t, err, &damaged)
	require.Equal(t, path, damaged.File)
	require.Regexp(t, `^journal: .*0000000001-0000000001.wal is damaged at byte \d+: `, err.Error())
}
