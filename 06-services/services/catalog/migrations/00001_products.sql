-- +goose Up
CREATE TABLE products (
	sku      TEXT    NOT NULL PRIMARY KEY,
	title    TEXT    NOT NULL,
	category TEXT    NOT NULL,
	minor    BIGINT  NOT NULL, -- the price
	currency TEXT    NOT NULL,
	version  BIGINT  NOT NULL, -- counts the changes of the product, also across deletions
	deleted  BOOLEAN NOT NULL  -- not sold any more. The row stays: else its versions would begin at 1 again
);
CREATE INDEX products_category ON products (category, sku);

-- What the inventory says, also of products that the catalog doesn't know yet.
CREATE TABLE stock (
	sku       TEXT   NOT NULL PRIMARY KEY,
	available BIGINT NOT NULL,
	version   BIGINT NOT NULL -- the inventory's: the highest is the newest, whichever comes last
);
