package notification

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"warren.example/06-services/events"
	"warren.example/06-services/store"
)

// holdContact returns the contact of a customer, and keeps it from others until the transaction ends: so a message can't begin
// to wait while the contact that it waits for is being stored. (ON CONFLICT DO UPDATE locks the row, and makes one if there is
// none. SELECT ... FOR UPDATE does neither on SQLite.) known is false if there was no user.signup yet.
func holdContact(ctx context.Context, tx store.Querier, user string) (c contact, known bool, err error) {
	var version int64
	var interests string
	c.User = user
	err = tx.QueryRowContext(ctx, `INSERT INTO contacts (user_id, version, name, email, interests) VALUES ($1, 0, '', '', '[]')
		ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id
		RETURNING version, name, email, interests`, user).Scan(&version, &c.Name, &c.Email, &interests)
	if err == nil {
		err = json.Unmarshal([]byte(interests), &c.Interests)
	}
	if err != nil {
		return contact{}, false, fmt.Errorf("find contact %s: %w", user, err)
	}
	return c, version > 0, nil
}

// keepContact stores a contact, unless a newer version is there, and returns the newest.
func keepContact(ctx context.Context, tx store.Querier, c contact, version int64) (newest contact, err error) {
	interests, err := json.Marshal(c.Interests)
	if err != nil {
		return contact{}, fmt.Errorf("keep contact %s: %w", c.User, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO contacts (user_id, version, name, email, interests) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id) DO UPDATE SET version = excluded.version, name = excluded.name, email = excluded.email,
			interests = excluded.interests
		WHERE contacts.version < excluded.version`, c.User, max(version, 1), c.Name, c.Email, string(interests))
	if err != nil {
		return contact{}, fmt.Errorf("keep contact %s: %w", c.User, err)
	}
	newest, _, err = holdContact(ctx, tx, c.User)
	return newest, err
}

// contacts returns all that are known.
func contacts(ctx context.Context, tx store.Querier) ([]contact, error) {
	rows, err := tx.QueryContext(ctx, "SELECT user_id, name, email, interests FROM contacts WHERE version > 0 ORDER BY user_id")
	if err != nil {
		return nil, fmt.Errorf("find all contacts: %w", err)
	}
	defer rows.Close()
	var all []contact
	for rows.Next() {
		var c contact
		var interests string
		if err := rows.Scan(&c.User, &c.Name, &c.Email, &interests); err != nil {
			return nil, fmt.Errorf("find all contacts: %w", err)
		}
		if err := json.Unmarshal([]byte(interests), &c.Interests); err != nil {
			return nil, fmt.Errorf("find all contacts: %s: %w", c.User, err)
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

// insertDelivery stores that a customer is told of a message, and tells whether this was the first time.
func insertDelivery(ctx context.Context, tx store.Querier, user string, m events.Message, l mail) (first bool, err error) {
	inserted, err := tx.ExecContext(ctx, `INSERT INTO deliveries
		(event_id, user_id, channel, about, version, correlation, body, email, text, at, sent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		m.ID, user, channel, m.Type, m.Version, m.Correlation, string(m.Body), l.Email, l.Text, l.At.UnixMilli(), l.Sent)
	if err != nil {
		return false, fmt.Errorf("keep what %s is told of %s: %w", user, m.Type, err)
	}
	n, err := inserted.RowsAffected()
	return n == 1, err
}

// takeWaiting takes out what waits for a contact, in the order in which it was sent.
func takeWaiting(ctx context.Context, tx store.Querier, user string) ([]events.Message, error) {
	rows, err := tx.QueryContext(ctx, `SELECT event_id, about, version, correlation, body FROM deliveries
		WHERE user_id = $1 AND sent = FALSE ORDER BY event_id`, user)
	if err != nil {
		return nil, fmt.Errorf("find what waits for %s: %w", user, err)
	}
	defer rows.Close()
	var waiting []events.Message
	for rows.Next() {
		var m events.Message
		var body string
		if err := rows.Scan(&m.ID, &m.Type, &m.Version, &m.Correlation, &body); err != nil {
			return nil, fmt.Errorf("find what waits for %s: %w", user, err)
		}
		m.Body = []byte(body)
		waiting = append(waiting, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("find what waits for %s: %w", user, err)
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM deliveries WHERE user_id = $1 AND sent = FALSE", user); err != nil {
		return nil, fmt.Errorf("take what waits for %s: %w", user, err)
	}
	return waiting, nil
}

// A Delivery is what a customer was told, or is going to be.
type Delivery struct {
	About   string    `json:"about"` // the type of the message
	Channel string    `json:"channel"`
	Email   string    `json:"email,omitempty"`
	Text    string    `json:"text,omitempty"`
	Status  string    `json:"status"` // "sent", or "waiting" for the contact
	At      time.Time `json:"at"`
}

// A page says which deliveries are wanted: those of a user, about an order if there is one, sent before the message after if
// there is one, at most limit.
type page struct {
	user, order, after string
	limit              int
}

// deliveries returns what a customer was told, the newest event first, and where the next page begins, if there may be one.
// (Message ids are UUIDv7: their order is that of time.)
func deliveries(ctx context.Context, q store.Querier, p page) (all []Delivery, next string, err error) {
	rows, err := q.QueryContext(ctx, `SELECT event_id, about, channel, email, text, sent, at FROM deliveries
		WHERE user_id = $1 AND ($2 = '' OR correlation = $2) AND ($3 = '' OR event_id < $3)
		ORDER BY event_id DESC LIMIT $4`, p.user, p.order, p.after, p.limit)
	if err != nil {
		return nil, "", fmt.Errorf("find what %s was told: %w", p.user, err)
	}
	defer rows.Close()
	all = []Delivery{}
	var last string
	for rows.Next() {
		d := Delivery{Status: "waiting"}
		var sent bool
		var at int64
		if err := rows.Scan(&last, &d.About, &d.Channel, &d.Email, &d.Text, &sent, &at); err != nil {
			return nil, "", fmt.Errorf("find what %s was told: %w", p.user, err)
		}
		if sent {
			d.Status = "sent"
		}
		d.At = time.UnixMilli(at).UTC()
		all = append(all, d)
	}
	if len(all) == p.limit {
		next = last
	}
	return all, next, rows.Err()
}
