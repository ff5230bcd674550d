-- +goose Up
CREATE TABLE users (
	id         TEXT    NOT NULL PRIMARY KEY,
	email      TEXT    NOT NULL,        -- as the customer writes it
	email_key  TEXT    NOT NULL UNIQUE, -- the same in small letters: who logs in doesn't think of capitals
	name       TEXT    NOT NULL,
	interests  TEXT    NOT NULL,        -- JSON, a list
	password   TEXT    NOT NULL,        -- bcrypt
	admin      BOOLEAN NOT NULL,
	version    BIGINT  NOT NULL,        -- counts the changes of the row
	created_at BIGINT  NOT NULL
);

-- One row per login. It has the hash of the one refresh token that is good now.
CREATE TABLE refresh_tokens (
	family     TEXT   NOT NULL PRIMARY KEY, -- the part of the token that stays the same
	hash       TEXT   NOT NULL,             -- SHA-256 of the whole token
	user_id    TEXT   NOT NULL REFERENCES users (id),
	expires_at BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);

-- Whoever can read this table can make tokens. A shop with real money leaves its keys with a key management service.
CREATE TABLE signing_keys (
	number     BIGINT NOT NULL PRIMARY KEY, -- 1, 2, 3 …: of two programs that make the next one, one comes first
	seed       TEXT   NOT NULL,             -- Ed25519, base64
	created_at BIGINT NOT NULL
);

CREATE TABLE purchases (
	order_id TEXT   NOT NULL PRIMARY KEY,
	user_id  TEXT   NOT NULL,
	minor    BIGINT NOT NULL,
	currency TEXT   NOT NULL,
	at       BIGINT NOT NULL
);
