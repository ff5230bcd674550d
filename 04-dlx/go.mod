module warren.example/04-dlx

go 1.25.0

require (
	github.com/rabbitmq/amqp091-go v1.16.0
	github.com/stretchr/testify v1.12.1
	warren.example/workshop v0.0.0
)

require (
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace (
	warren.example/solutions => ../solutions
	warren.example/workshop => ../workshop
)
