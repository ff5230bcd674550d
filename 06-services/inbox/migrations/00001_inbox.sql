-- +goose Up
CREATE TABLE inbox (
    id      TEXT   PRIMARY KEY, -- of a message that was done
    done_at BIGINT NOT NULL     -- milliseconds
);

-- +goose Down
DROP TABLE inbox;
