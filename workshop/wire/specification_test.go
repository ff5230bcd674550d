package wire_test

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"warren.example/workshop/wire"
)

// specification lists every method with its numbers and its fields in wire order, as they are in amqp0-9-1.xml with
// RabbitMQ's extensions. The classes access and credit are in RabbitMQ's code only (amqp-rabbitmq-0.9.1.json,
// credit_extension.json).
const specification = `
10.10 connection.start version-major:octet version-minor:octet server-properties:table mechanisms:longstr locales:longstr
10.11 connection.start-ok client-properties:table mechanism:shortstr response:longstr locale:shortstr
10.20 connection.secure challenge:longstr
10.21 connection.secure-ok response:longstr
10.30 connection.tune channel-max:short frame-max:long heartbeat:short
10.31 connection.tune-ok channel-max:short frame-max:long heartbeat:short
10.40 connection.open virtual-host:shortstr reserved-1:shortstr reserved-2:bit
10.41 connection.open-ok reserved-1:shortstr
10.50 connection.close reply-code:short reply-text:shortstr class-id:short method-id:short
10.51 connection.close-ok
10.60 connection.blocked reason:shortstr
10.61 connection.unblocked
10.70 connection.update-secret new-secret:longstr reason:shortstr
10.71 connection.update-secret-ok
20.10 channel.open reserved-1:shortstr
20.11 channel.open-ok reserved-1:longstr
20.20 channel.flow active:bit
20.21 channel.flow-ok active:bit
20.40 channel.close reply-code:short reply-text:shortstr class-id:short method-id:short
20.41 channel.close-ok
30.10 access.request realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit
30.11 access.request-ok ticket:short
40.10 exchange.declare reserved-1:short exchange:shortstr type:shortstr passive:bit durable:bit auto-delete:bit internal:bit no-wait:bit arguments:table
40.11 exchange.declare-ok
40.20 exchange.delete reserved-1:short exchange:shortstr if-unused:bit no-wait:bit
40.21 exchange.delete-ok
40.30 exchange.bind reserved-1:short destination:shortstr source:shortstr routing-key:shortstr no-wait:bit arguments:table
40.31 exchange.bind-ok
40.40 exchange.unbind reserved-1:short destination:shortstr source:shortstr routing-key:shortstr no-wait:bit arguments:table
40.51 exchange.unbind-ok
50.10 queue.declare reserved-1:short queue:shortstr passive:bit durable:bit exclusive:bit auto-delete:bit no-wait:bit arguments:table
50.11 queue.declare-ok queue:shortstr message-count:long consumer-count:long
50.20 queue.bind reserved-1:short queue:shortstr exchange:shortstr routing-key:shortstr no-wait:bit arguments:table
50.21 queue.bind-ok
50.30 queue.purge reserved-1:short queue:shortstr no-wait:bit
50.31 queue.purge-ok message-count:long
50.40 queue.delete reserved-1:short queue:shortstr if-unused:bit if-empty:bit no-wait:bit
50.41 queue.delete-ok message-count:long
50.50 queue.unbind reserved-1:short queue:shortstr exchange:shortstr routing-key:shortstr arguments:table
50.51 queue.unbind-ok
60.10 basic.qos prefetch-size:long prefetch-count:short global:bit
60.11 basic.qos-ok
60.20 basic.consume reserved-1:short queue:shortstr consumer-tag:shortstr no-local:bit no-ack:bit exclusive:bit no-wait:bit arguments:table
60.21 basic.consume-ok consumer-tag:shortstr
60.30 basic.cancel consumer-tag:shortstr no-wait:bit
60.31 basic.cancel-ok consumer-tag:shortstr
60.40 basic.publish reserved-1:short exchange:shortstr routing-key:shortstr mandatory:bit immediate:bit
60.50 basic.return reply-code:short reply-text:shortstr exchange:shortstr routing-key:shortstr
60.60 basic.deliver consumer-tag:shortstr delivery-tag:longlong redelivered:bit exchange:shortstr routing-key:shortstr
60.70 basic.get reserved-1:short queue:shortstr no-ack:bit
60.71 basic.get-ok delivery-tag:longlong redelivered:bit exchange:shortstr routing-key:shortstr message-count:long
60.72 basic.get-empty reserved-1:shortstr
60.80 basic.ack delivery-tag:longlong multiple:bit
60.90 basic.reject delivery-tag:longlong requeue:bit
60.100 basic.recover-async requeue:bit
60.110 basic.recover requeue:bit
60.111 basic.recover-ok
60.120 basic.nack delivery-tag:longlong multiple:bit requeue:bit
60.200 basic.credit consumer-tag:shortstr credit:long drain:bit
60.201 basic.credit-ok available:long
60.202 basic.credit-drained consumer-tag:shortstr credit-drained:long
85.10 confirm.select no-wait:bit
85.11 confirm.select-ok
90.10 tx.select
90.11 tx.select-ok
90.20 tx.commit
90.21 tx.commit-ok
90.30 tx.rollback
90.31 tx.rollback-ok
`

// specified is one line of the specification.
type specified struct {
	id     wire.MethodID
	name   string
	fields []specifiedField
}

type specifiedField struct{ name, kind string }

func readSpecification(t *testing.T) []specified {
	t.Helper()
	var all []specified
	for line := range strings.Lines(strings.TrimSpace(specification)) {
		words := strings.Fields(line)
		s := specified{name: words[1]}
		_, err := fmt.Sscanf(words[0], "%d.%d", &s.id.Class, &s.id.Method)
		require.NoError(t, err)
		for _, word := range words[2:] {
			name, kind, _ := strings.Cut(word, ":")
			s.fields = append(s.fields, specifiedField{name, kind})
		}
		all = append(all, s)
	}
	return all
}

func TestEachNumberStandsForItsMethodAndNoOtherNumberForAny(t *testing.T) {
	t.Parallel()
	names, samples := map[wire.MethodID]string{}, map[wire.MethodID]string{}
	for _, s := range readSpecification(t) {
		names[s.id] = s.name
	}
	for _, m := range everyMethod {
		samples[m.ID()] = m.Name()
	}
	require.Equal(t, names, samples, "the samples are complete")

	for class := range uint16(300) {
		for method := range uint16(300) {
			payload := binary.BigEndian.AppendUint16(nil, class)
			payload = binary.BigEndian.AppendUint16(payload, method)
			_, err := wire.DecodeMethod(payload)
			unknown := err != nil && strings.Contains(err.Error(), "no method has the number")
			_, listed := names[wire.MethodID{Class: class, Method: method}]
			require.Equalf(t, listed, !unknown, "%d.%d: %v", class, method, err)
		}
	}
}

// TestFieldsAreInTheOrderOfTheSpecification encodes each sample a second time, from the specification's list of fields,
// and then with one bit set at a time: a round trip alone would not see two fields that changed places.
func TestFieldsAreInTheOrderOfTheSpecification(t *testing.T) {
	t.Parallel()
	samples := map[wire.MethodID]wire.Method{}
	for _, m := range everyMethod {
		samples[m.ID()] = m
	}
	for _, s := range readSpecification(t) {
		sample := samples[s.id]
		require.Equal(t, specifiedBytes(t, s, sample), encoded(t, sample), s.name)
		for _, only := range s.fields {
			if only.kind == "bit" {
				m := withOneBit(sample, s, only.name)
				require.Equal(t, specifiedBytes(t, s, m), encoded(t, m), "%s with %s", s.name, only.name)
			}
		}
	}
}

// specifiedBytes encodes m as the specification lists it.
func specifiedBytes(t *testing.T, s specified, m wire.Method) []byte {
	t.Helper()
	out := binary.BigEndian.AppendUint16(nil, s.id.Class)
	out = binary.BigEndian.AppendUint16(out, s.id.Method)
	bits := 0 // how many bits the last octet has
	for _, f := range s.fields {
		v := fieldNamed(m, f.name)
		if f.kind != "bit" {
			bits = 0
		}
		switch f.kind {
		case "bit":
			if bits == 0 {
				out = append(out, 0)
			}
			if v.Bool() {
				out[len(out)-1] |= 1 << bits
			}
			bits++
		case "octet":
			out = append(out, byte(v.Uint()))
		case "short":
			out = binary.BigEndian.AppendUint16(out, uint16(v.Uint()))
		case "long":
			out = binary.BigEndian.AppendUint32(out, uint32(v.Uint()))
		case "longlong":
			out = binary.BigEndian.AppendUint64(out, v.Uint())
		case "shortstr":
			out = append(append(out, byte(v.Len())), v.String()...)
		case "longstr":
			out = append(binary.BigEndian.AppendUint32(out, uint32(v.Len())), v.String()...)
		case "table":
			start := encoded(t, &wire.ConnectionStart{ServerProperties: v.Interface().(wire.Table)})
			out = append(out, start[6:len(start)-8]...)
		default:
			require.Failf(t, "no such type", "%s of %s", f.kind, s.name)
		}
	}
	return out
}

// withOneBit is a copy of m in which of all bits only the one with that name is set.
func withOneBit(m wire.Method, s specified, name string) wire.Method {
	copied := reflect.New(reflect.TypeOf(m).Elem())
	copied.Elem().Set(reflect.ValueOf(m).Elem())
	one := copied.Interface().(wire.Method)
	for _, f := range s.fields {
		if f.kind == "bit" {
			fieldNamed(one, f.name).SetBool(f.name == name)
		}
	}
	return one
}

// fieldNamed finds the field RoutingKey for the name routing-key.
func fieldNamed(m wire.Method, name string) reflect.Value {
	goName := ""
	for part := range strings.SplitSeq(name, "-") {
		goName += strings.ToUpper(part[:1]) + part[1:]
	}
	return reflect.ValueOf(m).Elem().FieldByName(goName)
}
