# Beside each target stands what it runs, for machines without make: go run ./workshop needs nothing but Go.

GO = go
WORKSHOP = $(GO) run ./workshop
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
MODULES = $$(sed -n 's,^[[:space:]]*\./,,p' go.work)

CHECK =
UP =

help: ## list the targets (the default)
	@awk -F ':.*## | [|] ' '/^[a-z]+:.*## /{s = sprintf("  make %-7s %-58s %s", $$1, $$2, $$3); sub(/ +$$/, "", s); print s}' Makefile

start: ## work on the next exercise, judged at every save | go run ./workshop start
	@$(WORKSHOP) start

check: ## judge your work once; CHECK=03/2 chooses an exercise | go run ./workshop check
	@$(WORKSHOP) check $(CHECK)

test: ## prove that the course judges rightly | go run ./workshop verify
	@$(WORKSHOP) verify

up: ## start a RabbitMQ and keep it; UP=--mini the stand-in | go run ./workshop up
	@$(WORKSHOP) up $(UP)

down: ## stop it | go run ./workshop down
	@$(WORKSHOP) down

shop: ## run the shop of chapter 06, all of it | go run ./06-services/cmd/shop
	@$(GO) run ./06-services/cmd/shop

lint: format vet staticcheck modules ## formatting, vet for three systems, staticcheck, modules

format:
	@echo "gofmt"; found=$$(gofmt -l $(MODULES)); if [ -n "$$found" ]; then echo "not formatted:" $$found; exit 1; fi

vet:
	@for system in linux windows darwin; do echo "go vet for $$system"; GOOS=$$system $(GO) vet work || exit 1; done

staticcheck:
	@for module in $(MODULES); do echo "staticcheck $$module"; (cd "$$module" && $(STATICCHECK) ./...) || exit 1; done

# Each module must also stand alone: whoever copies one, and `go get`, see no workspace.
modules:
	@for module in $(MODULES); do \
		echo "alone: $$module"; \
		(cd "$$module" && export GOWORK=off && $(GO) mod tidy -diff && $(GO) build ./... && $(GO) list -m all >/dev/null) || exit 1; \
	done

# With WORKSHOP_AMQP_URL, minirabbit is measured beside that RabbitMQ, in one run.
bench: ## edit to verdict, tap, minirabbit, the shop: each beside its limit
	@$(GO) test -run '^$$' -bench . ./workshop/bench ./workshop/tap ./workshop/minirabbit ./06-services/bench

.PHONY: help start check test up down shop lint format vet staticcheck modules bench
