module warren.example/solutions

go 1.25.0

// Mistakes and pristine skeletons are swapped in by the verifier, one at a time. They are no packages of this module.
ignore (
	mistakes
	skeleton
)

require (
	github.com/rabbitmq/amqp091-go v1.16.0
	warren.example/03-durability v0.0.0
)

replace (
	warren.example/01-basics => ../01-basics
	warren.example/02-exchanges => ../02-exchanges
	warren.example/03-durability => ../03-durability
	warren.example/04-dlx => ../04-dlx
	warren.example/05-ordering => ../05-ordering
	warren.example/workshop => ../workshop
)
