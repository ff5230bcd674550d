// Package transcript compares brokers by what they say on the wire. A script is a list of AMQP operations, one idea; run
// on a broker it gives a transcript: each operation and the frames it was answered with, without what may differ from run
// to run. Two brokers behave alike if their transcripts are equal.
//
// The transcripts of real RabbitMQ are kept in testdata/golden, a folder per version, so that minirabbit is compared with
// reality also where there is none. The scripts are in testdata/scripts, a file per subject:
//
//	-- redeclare-durable --
//	# A durable queue declared again as a transient one: 406, and the text says what differs.
//	c1.1 queue.declare queue=q durable
//	c1.1 queue.declare queue=q
//
// c1 is a connection and c1.1 its channel 1; both are opened at their first use, and again after an error. An operation
// that AMQP answers waits for the answer. What comes unasked (deliveries, confirms, returns, errors of methods without an
// answer) waits until the script asks for it, so that its place in the transcript is always the same; what nobody asked
// for stands at the end. See the functions in verbs.go for all that a line may say.
//
// The frames are compared without generated names, times, the name of the virtual host, and server properties other than
// version and capabilities. The order of frames on different channels is not compared, and neither is how confirms are
// bundled.
//
// Left out is what text can't say: TLS, and the hostile mode of minirabbit, which is made to differ. TestRandom compares
// sequences of operations drawn by chance, on minirabbit and on a real broker.
//
// A difference between minirabbit and RabbitMQ that is meant stands in its script:
//
//	differs 3.10.8: minirabbit does no transactions
//	-   tx.select-ok
//	+   connection: connection.close code=540 …
//
// To record: go test -run TestRecord -record, with the brokers in WORKSHOP_TRANSCRIPT_BROKERS (see Brokers). Each script
// is recorded three times and refused if one differs. A real broker still leaves some answers to chance: compared with its
// recording it gets several attempts, and the report counts the scripts that needed them (see Insist). minirabbit gets one.
package transcript
