// Package chaos has no code but tests: a shop whose services die, and whose broker dies, at every named place of every service,
// while orders of every path are under way. When all has come back the auditor must find nothing.
//
//	plan_test.go      what fails where: a seed says it all
//	house_test.go     the shop: a process for each service, RabbitMQ in the test
//	fault_test.go     one failure: armed, reached, repaired
//	customer_test.go  who asks again until there is an answer
//	paths_test.go     orders of every path
//	audit_test.go     what must hold when the shop rests
//	chaos_test.go     the runs
//	careless_test.go  shops with faults of every kind, which must be found
//
// CHAOS_RUNS=200 chooses how many seeds are tried, CHAOS_SEED=17 where they begin, and CHAOS_SHOPS=2 how many shops there are
// at once. A run is repeated by CHAOS_SEED=17 CHAOS_RUNS=1.
package chaos
