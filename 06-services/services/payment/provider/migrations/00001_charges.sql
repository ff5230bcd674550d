-- +goose Up
CREATE TABLE charges (
    id       TEXT   PRIMARY KEY, -- the idempotency key
    state    TEXT   NOT NULL,    -- captured, declined or voided
    minor    BIGINT NOT NULL,    -- 0 if the void came first
    currency TEXT   NOT NULL
);

CREATE TABLE refunds (
    id       TEXT   PRIMARY KEY, -- the idempotency key
    charge   TEXT   NOT NULL REFERENCES charges (id),
    state    TEXT   NOT NULL,    -- refunded or failed
    minor    BIGINT NOT NULL,
    currency TEXT   NOT NULL,
    tries    BIGINT NOT NULL     -- how often it was asked for
);
CREATE INDEX refunds_by_charge ON refunds (charge);

-- +goose Down
DROP TABLE refunds;
DROP TABLE charges;
