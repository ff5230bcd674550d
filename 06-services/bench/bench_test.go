package bench_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/broker/mini"
	"warren.example/workshop/lab"
)

var (
	stored   = flag.Int("stored", 100_000, "how many orders are there before the second measurement")
	round    = flag.Int("orders", 1500, "how many orders are one measurement")
	inFlight = flag.Int("customers", 64, "how many customers at once wait for an order")
)

// BenchmarkShop measures a new shop, and one that has many orders.
//
//	orders/s      from the first POST until the last order is confirmed
//	done/s        until all that follows from them is done, too: parcels delivered, customers told
//	raw/s         orders whose messages the broker carries, published with confirms and consumed with acks, without the shop
//	of-raw        orders/s in relation to that; all-of-raw is done/s
//	p50-ms …      from POST to confirmed, at half of orders/s
//	MB            the process' memory (RSS), with all services and the benchmark itself
func BenchmarkShop(b *testing.B) {
	say(b)
	b.Run("new", func(b *testing.B) { measure(b, 0) })
	b.Run(fmt.Sprintf("stored=%d", *stored), func(b *testing.B) {
		if *stored == 0 {
			b.Skip("-stored is 0")
		}
		measure(b, *stored)
	})
}

func measure(b *testing.B, stored int) {
	broker, folder := lab.New(b), b.TempDir()
	s := open(b, broker.DirectURL, folder)
	one := s.recordOne(b)
	if stored > 0 {
		s.stop(b)
		fill(b, folder, one, stored)
		s = open(b, broker.DirectURL, folder)
		s.watch.forget()
	}
	s.each = one.deliveries
	raw := newRaw(b, lab.New(b).DirectURL, one)
	s.buy(b, *round/4, *inFlight) // warms up
	raw.carry(b, *round/4)

	var confirmed, done, carried time.Duration
	for b.Loop() {
		one, all := s.buy(b, *round, *inFlight)
		confirmed += one
		done += all
		carried += raw.carry(b, *round)
	}
	orders := float64(*round * b.N)
	rate := orders / confirmed.Seconds()
	p50, p99 := s.latencies(b, rate/2, *round)
	b.ReportMetric(rate, "orders/s")
	b.ReportMetric(orders/done.Seconds(), "done/s")
	b.ReportMetric(orders/carried.Seconds(), "raw/s")
	b.ReportMetric(carried.Seconds()/confirmed.Seconds(), "of-raw")
	b.ReportMetric(carried.Seconds()/done.Seconds(), "all-of-raw")
	b.ReportMetric(float64(p50.Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
	b.ReportMetric(memory(), "MB")
	b.ReportMetric(float64(len(one.messages)), "publishes/order")
	b.ReportMetric(float64(one.deliveries), "deliveries/order")
	b.ReportMetric(0, "ns/op") // says nothing here, and 0 hides it
	s.stop(b)
}

// say says which broker it is.
func say(b *testing.B) {
	source, err := mini.Find(b.Context())
	require.NoError(b, err)
	b.Logf("broker: %s; %d cores", source.Name(), runtime.NumCPU())
	require.NoError(b, source.Close())
}

// beside runs fn, and marks it and all that it starts in CPU profiles.
func beside(side string, fn func()) {
	pprof.Do(context.Background(), pprof.Labels("side", side), func(context.Context) { fn() })
}

// memory returns how much of the machine's memory this process has, in MB: RSS on Linux, elsewhere what Go's runtime has got.
func memory() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "VmRSS:" {
			kB, _ := strconv.ParseFloat(fields[1], 64)
			return kB / 1000
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.Sys) / 1e6
}
