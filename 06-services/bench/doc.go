// Package bench measures the shop: how many orders a second it brings from POST to confirmed, all services in one process with
// SQLite, beside what the same broker does with the same messages and nothing of the shop. Both are taken in turn, in one run:
// the ratio says something, the figures alone say what machine it was.
//
//	go test -run '^$' -bench . ./06-services/bench                  a new shop, and one with 100,000 orders
//	go test -run '^$' -bench . ./06-services/bench -stored 1000000 -orders 3000
//	go test -run '^$' -bench Shop/new ./06-services/bench -cpuprofile cpu.out
//	go tool pprof -tagfocus side=shop cpu.out                       where the shop's time goes, without load and raw client
//
// It uses the broker that `workshop up` left running or WORKSHOP_AMQP_URL names, else minirabbit in its own process, and says
// which.
package bench
