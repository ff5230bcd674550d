package sqltap

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// rows are rows that have been read: a crash can't come in the midst of them.
type rows struct {
	columns []string
	values  [][]driver.Value
}

// readAll reads all rows and closes them.
func readAll(real driver.Rows) (*rows, error) {
	all := &rows{columns: real.Columns()}
	for {
		row := make([]driver.Value, len(all.columns))
		err := real.Next(row)
		if errors.Is(err, io.EOF) {
			return all, real.Close()
		}
		if err != nil {
			return nil, errors.Join(err, real.Close())
		}
		for i, v := range row {
			if b, ok := v.([]byte); ok { // the driver may use it again
				row[i] = bytes.Clone(b)
			}
		}
		all.values = append(all.values, row)
	}
}

func (r *rows) Columns() []string { return r.columns }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(row []driver.Value) error {
	if len(r.values) == 0 {
		return io.EOF
	}
	if copied := copy(row, r.values[0]); copied != len(r.columns) {
		return fmt.Errorf("sqltap: %d columns, and room for %d", len(r.columns), copied)
	}
	r.values = r.values[1:]
	return nil
}
