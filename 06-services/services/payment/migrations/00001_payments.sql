-- +goose Up
CREATE TABLE payments (
    order_id TEXT   PRIMARY KEY, -- and the provider's idempotency key
    state    TEXT   NOT NULL,
    reason   TEXT   NOT NULL,    -- of a declined one
    minor    BIGINT NOT NULL,    -- 0 if the void came first
    currency TEXT   NOT NULL
);

CREATE TABLE refunds (
    refund_id TEXT   PRIMARY KEY, -- and the provider's idempotency key
    order_id  TEXT   NOT NULL,
    state     TEXT   NOT NULL,
    reason    TEXT   NOT NULL,    -- of a failed one
    minor     BIGINT NOT NULL,
    currency  TEXT   NOT NULL
);
CREATE INDEX refunds_by_order ON refunds (order_id);

-- +goose Down
DROP TABLE refunds;
DROP TABLE payments;
