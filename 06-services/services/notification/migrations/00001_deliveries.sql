-- +goose Up
CREATE TABLE contacts (
	user_id   TEXT   NOT NULL PRIMARY KEY,
	version   BIGINT NOT NULL, -- of the user.signup that it is from; 0: none has come yet
	name      TEXT   NOT NULL,
	email     TEXT   NOT NULL,
	interests TEXT   NOT NULL  -- a list as JSON
);

CREATE TABLE deliveries (
	event_id    TEXT   NOT NULL, -- of what the customer is told, which happens once a channel
	user_id     TEXT   NOT NULL,
	channel     TEXT   NOT NULL,
	about       TEXT   NOT NULL, -- the type of the message
	version     BIGINT NOT NULL,
	correlation TEXT   NOT NULL,
	body        TEXT   NOT NULL,
	email       TEXT   NOT NULL, -- where it went
	text        TEXT   NOT NULL,
	at          BIGINT NOT NULL, -- when it was sent, or the message came
	sent        BOOLEAN NOT NULL, -- else it waits for the contact
	PRIMARY KEY (user_id, event_id, channel)
);
