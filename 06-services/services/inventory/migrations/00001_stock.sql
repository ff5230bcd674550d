-- +goose Up
CREATE TABLE stock (
    sku       TEXT   PRIMARY KEY,
    available BIGINT NOT NULL CHECK (available >= 0), -- can be ordered
    reserved  BIGINT NOT NULL CHECK (reserved >= 0),  -- kept for orders that aren't paid yet
    sold      BIGINT NOT NULL CHECK (sold >= 0),
    supplied  BIGINT NOT NULL,                        -- all that was ever put in
    version   BIGINT NOT NULL,                        -- counts the changes of available
    CHECK (available + reserved + sold = supplied)    -- a mistake of ours ends here
);

CREATE TABLE reservations (
    order_id  TEXT PRIMARY KEY,
    state     TEXT NOT NULL,
    lines     TEXT NOT NULL, -- JSON
    rejection TEXT NOT NULL  -- JSON, of a rejected one
);

-- +goose Down
DROP TABLE reservations;
DROP TABLE stock;
