package inbox

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"warren.example/06-services/store"
)

// readIDs returns the IDs that a query answers with.
func readIDs(ctx context.Context, q store.Querier, query string, args []any) (map[string]bool, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ids := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids[id] = true
	}
	return ids, rows.Err()
}

// padded repeats the last of some arguments until they are 1, 2, 4, 8 … So there are few different statements, which the
// database keeps prepared.
func padded(args []any) []any {
	for n := len(args); n&(n-1) != 0; n++ {
		args = append(args, args[n-1])
	}
	return args
}

// list writes n arguments, numbered from first on, each as format says, with commas between them.
func list(n int, format string, first int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(format, first+i)
	}
	return strings.Join(parts, ", ")
}

func (i *Inbox) log() *slog.Logger {
	if i.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return i.Log
}

func (i *Inbox) observe(name string, value float64) {
	if i.Observe != nil {
		i.Observe(name, value)
	}
}
