-- +goose Up
-- What has happened to each order. Everything else about orders follows from it.
CREATE TABLE order_events (
    order_id TEXT   NOT NULL,
    version  BIGINT NOT NULL, -- 1, 2, 3 … for each order: who writes a version that is there was too late
    type     TEXT   NOT NULL,
    body     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (order_id, version)
);

-- For lists. It can be made again of order_events.
CREATE TABLE orders_view (
    id       TEXT   NOT NULL PRIMARY KEY,
    customer TEXT   NOT NULL,
    status   TEXT   NOT NULL,
    reason   TEXT   NOT NULL,
    minor    BIGINT NOT NULL,
    currency TEXT   NOT NULL,
    at       BIGINT NOT NULL
);
CREATE INDEX orders_view_customer ON orders_view (customer, id);

CREATE TABLE sagas (
    key         TEXT    NOT NULL PRIMARY KEY, -- the order's id for its sale, the refund's for a refund
    order_id    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    asks        BIGINT  NOT NULL,
    failures    BIGINT  NOT NULL,
    overdue     BOOLEAN NOT NULL,
    ended       BOOLEAN NOT NULL,
    asked       TEXT    NOT NULL, -- the message id of the command under way
    deadline_at BIGINT,           -- NULL: nothing is waited for
    version     BIGINT  NOT NULL
);
CREATE INDEX sagas_deadline ON sagas (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX sagas_open ON sagas (key) WHERE NOT ended;

-- Never purged: who repeats a request after a year must not buy twice.
CREATE TABLE idempotency_keys (
    customer TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    request  TEXT   NOT NULL, -- its hash
    order_id TEXT   NOT NULL,
    answer   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (customer, key)
);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE sagas;
DROP TABLE orders_view;
DROP TABLE order_events;
