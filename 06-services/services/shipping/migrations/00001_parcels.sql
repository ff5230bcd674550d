-- +goose Up
CREATE TABLE parcels (
	order_id TEXT    NOT NULL PRIMARY KEY,
	state    TEXT    NOT NULL, -- '' is an order that nobody has confirmed, for as long as a transaction lasts
	moved    BIGINT  NOT NULL, -- the number of the last move that was sent
	due      BIGINT  NOT NULL  -- when the next one is, if there is one
);

CREATE INDEX parcels_due ON parcels (due) WHERE due > 0;

CREATE TABLE moves (
	order_id TEXT   NOT NULL,
	number   BIGINT NOT NULL,
	status   TEXT   NOT NULL,
	at       BIGINT NOT NULL,
	PRIMARY KEY (order_id, number)
);
