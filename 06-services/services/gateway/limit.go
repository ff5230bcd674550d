package gateway

import (
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"warren.example/06-services/auth"
	"warren.example/06-services/httpx"
)

// A limiter has a token bucket for each key. It keeps the buckets of the keys that asked last; a key that comes back after
// being forgotten starts with a full bucket. Each instance of the gateway counts for itself.
type limiter struct {
	rate    rate.Limit // tokens a second
	burst   int        // tokens that a bucket can hold
	now     func() time.Time
	buckets *lru.Cache[string, *rate.Limiter]
}

// keys is how many buckets a limiter has: some 200 bytes each.
const keys = 20_000

func newLimiter(perSecond float64, burst int, now func() time.Time) *limiter {
	buckets, _ := lru.New[string, *rate.Limiter](keys) // fails only for a size below 1
	return &limiter{rate: rate.Limit(perSecond), burst: burst, now: now, buckets: buckets}
}

// take takes cost tokens from the bucket of key, or none, and then says how long it takes until they are there. What costs more
// than a bucket can hold takes all of it.
func (l *limiter) take(key string, cost int) (wait time.Duration) {
	bucket, ok := l.buckets.Get(key)
	if !ok {
		bucket = rate.NewLimiter(l.rate, l.burst)
		if other, exists, _ := l.buckets.PeekOrAdd(key, bucket); exists {
			bucket = other // somebody else was faster
		}
	}
	now := l.now()
	taken := bucket.ReserveN(now, min(cost, l.burst))
	wait = taken.DelayFrom(now)
	if wait > 0 {
		taken.CancelAt(now)
	}
	return wait
}

// limit lets requests through as often as l allows for the key, and answers the others with 429 and Retry-After, in seconds.
func (g *gateway) limit(l *limiter, cost int, key func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait := l.take(key(r), cost); wait > 0 {
			g.observe("http.limited", 1)
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			httpx.Fail(w, http.StatusTooManyRequests, "too many requests")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func customerOf(r *http.Request) string {
	c, _ := auth.From(r.Context())
	return c.ID
}

// network is what an address counts as. For IPv6 it is the /64: that is what one household has.
func (g *gateway) network(r *http.Request) string {
	ip, err := netip.ParseAddr(g.address(r))
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().String()
}

// address is where a request comes from. Everybody can write X-Forwarded-For, so only what trusted proxies have appended
// counts: with two of them, the second entry from the end.
func (g *gateway) address(r *http.Request) string {
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	if g.proxies > 0 && len(forwarded) >= g.proxies {
		return strings.TrimSpace(forwarded[len(forwarded)-g.proxies])
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return fmt.Sprintf("%.64s", r.RemoteAddr)
	}
	return host
}
