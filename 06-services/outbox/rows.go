package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/store"
)

// A row is a message that waits for its confirm.
type row struct {
	seq      int64
	attempts int // that have failed
	message  events.Message
}

const columns = "id, type, schema, correlation, cause, version, not_after, headers, body, stored_at"

// rowsPerInsert is how many messages are stored with one statement. To PostgreSQL each statement is a journey; within SQLite a
// statement with many arguments costs more than many statements that are prepared (64 rows: 230 against 15 µs each).
var rowsPerInsert = map[store.Dialect]int{store.SQLite: 1, store.Postgres: 64}

// insert stores messages.
func (b *Box) insert(ctx context.Context, q store.Querier, messages []events.Message) error {
	for part := range slices.Chunk(messages, rowsPerInsert[b.db.Dialect]) {
		var args []any
		var rows []string
		for _, m := range part {
			headers, err := writeHeaders(m.Headers)
			if err != nil {
				return fmt.Errorf("store %s %s: %w", m.Type, m.ID, err)
			}
			values := []any{m.ID, m.Type, m.Schema, m.Correlation, m.Cause, m.Version, millis(m.NotAfter), headers,
				string(m.Body), millis(m.Time)}
			rows = append(rows, "("+placeholders(len(args)+1, len(values))+")")
			args = append(args, values...)
		}
		_, err := q.ExecContext(ctx, "INSERT INTO outbox ("+columns+") VALUES "+strings.Join(rows, ", "), args...)
		if err != nil {
			return fmt.Errorf("store %d messages in the outbox: %w", len(part), err)
		}
	}
	return nil
}

// claim takes rows that nobody has, the oldest first, and keeps the others from them until a time. Which rows are due is not
// told from the last seq that was seen: who gets a smaller number may commit later.
//
// With SQLite there is one writer, so nobody comes between the choice and the claim. With PostgreSQL somebody may: SKIP LOCKED
// leaves the rows alone that another relay is claiming, and doesn't wait for it.
func (b *Box) claim(ctx context.Context, q store.Querier, now, until time.Time, limit int) ([]row, error) {
	// A limit that is an argument makes SQLite prepare the statement anew, each time.
	due := "SELECT seq FROM outbox WHERE claimed_until <= $2 ORDER BY seq LIMIT " + strconv.Itoa(limit)
	if b.db.Dialect == store.Postgres {
		due += " FOR UPDATE SKIP LOCKED"
	}
	found, err := q.QueryContext(ctx, "WITH due AS ("+due+") UPDATE outbox SET claimed_until = $1 "+
		"WHERE seq IN (SELECT seq FROM due) RETURNING seq, attempts, "+columns, millis(until), millis(now))
	if err != nil {
		return nil, fmt.Errorf("claim messages of the outbox: %w", err)
	}
	defer found.Close()
	var rows []row
	for found.Next() {
		var r row
		var notAfter, storedAt int64
		var headers, body string
		m := &r.message
		if err := found.Scan(&r.seq, &r.attempts, &m.ID, &m.Type, &m.Schema, &m.Correlation, &m.Cause, &m.Version, &notAfter,
			&headers, &body, &storedAt); err != nil {
			return nil, fmt.Errorf("read a message of the outbox: %w", err)
		}
		m.Headers = readHeaders(headers)
		if notAfter != 0 {
			m.NotAfter = time.UnixMilli(notAfter)
		}
		m.Service, m.Time, m.Body = b.service, time.UnixMilli(storedAt), []byte(body)
		rows = append(rows, r)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("claim messages of the outbox: %w", err)
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.seq, b.seq) }) // RETURNING promises no order
	return rows, nil
}

// take takes confirmed rows out, with one statement, whoever may have claimed them meanwhile.
func take(ctx context.Context, q store.Querier, confirmed []row) error {
	if len(confirmed) == 0 {
		return nil
	}
	args := make([]any, len(confirmed))
	for i, r := range confirmed {
		args[i] = r.seq
	}
	_, err := q.ExecContext(ctx, "DELETE FROM outbox WHERE seq IN ("+placeholders(1, len(args))+")", args...)
	if err != nil {
		return fmt.Errorf("take %d confirmed messages out of the outbox: %w", len(args), err)
	}
	return nil
}

// release gives a row back for others to claim, from a time on; if it is still claimed as it was.
func release(ctx context.Context, q store.Querier, r row, claimed, again time.Time, attempts int, why error) error {
	text := strings.ReplaceAll(strings.ToValidUTF8(why.Error(), "?"), "\x00", "?") // TEXT takes no other
	_, err := q.ExecContext(ctx, "UPDATE outbox SET claimed_until = $1, attempts = $2, last_error = $3 "+
		"WHERE seq = $4 AND claimed_until = $5", millis(again), attempts, text, r.seq, millis(claimed))
	if err != nil {
		return fmt.Errorf("release message %s of the outbox: %w", r.message.ID, err)
	}
	return nil
}

// placeholders returns "$first, …", n of them.
func placeholders(first, n int) string {
	var s strings.Builder
	for i := range n {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString("$" + strconv.Itoa(first+i))
	}
	return s.String()
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func writeHeaders(h map[string]string) (string, error) {
	if len(h) == 0 {
		return "", nil
	}
	text, err := json.Marshal(h)
	return string(text), err
}

// readHeaders returns nil for what isn't JSON any more: a message goes out without its headers rather than not at all.
func readHeaders(text string) map[string]string {
	var h map[string]string
	if text == "" || json.Unmarshal([]byte(text), &h) != nil {
		return nil
	}
	return h
}
