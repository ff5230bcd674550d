-- +goose Up
CREATE TABLE outbox (
    seq           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order in which they were sent
    id            TEXT    NOT NULL,
    type          TEXT    NOT NULL,
    schema        BIGINT  NOT NULL,
    correlation   TEXT    NOT NULL,
    cause         TEXT    NOT NULL,
    version       BIGINT  NOT NULL,
    not_after     BIGINT  NOT NULL,             -- milliseconds, as all times; 0: none
    headers       TEXT    NOT NULL,             -- JSON, or empty
    body          TEXT    NOT NULL,
    stored_at     BIGINT  NOT NULL,
    claimed_until BIGINT  NOT NULL DEFAULT 0,   -- nobody else takes it before
    attempts      BIGINT  NOT NULL DEFAULT 0,   -- how often it could not be published
    last_error    TEXT    NOT NULL DEFAULT ''   -- and why not, the last time
);

-- +goose Down
DROP TABLE outbox;
