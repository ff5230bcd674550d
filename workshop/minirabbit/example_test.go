package minirabbit_test

import (
	"fmt"
	"log"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren.example/workshop/minirabbit"
)

func Example() {
	broker, err := minirabbit.Start() // in a test: minirabbit.Run(t)
	if err != nil {
		log.Fatal(err)
	}
	defer broker.Close()

	connection, err := amqp.Dial(broker.URL())
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	channel, err := connection.Channel()
	if err != nil {
		log.Fatal(err)
	}
	_, err = channel.QueueDeclarePassive("orders", true, false, false, false, nil)
	fmt.Println(err)
	// Output: Exception (404) Reason: "NOT_FOUND - no queue 'orders' in vhost '/'"
}

// Half an hour passes at once: a message expires.
func ExampleServer_Advance() {
	broker, channel := begin()
	defer broker.Close()
	_, err := channel.QueueDeclare("offers", true, false, false, false, amqp.Table{"x-message-ttl": 1_800_000})
	if err != nil {
		log.Fatal(err)
	}
	confirm, err := channel.PublishWithDeferredConfirm("", "offers", false, false, amqp.Publishing{Body: []byte("half price")})
	if err != nil || !confirm.Wait() {
		log.Fatal("not published: ", err)
	}

	before, _ := broker.Facts().Queue("/", "offers")
	broker.Advance(30 * time.Minute)
	after, _ := broker.Facts().Queue("/", "offers")
	fmt.Println(before.Ready, after.Ready)
	// Output: 1 0
}

// A power cut: what was confirmed and persistent is still there.
func ExampleServer_Kill() {
	broker, channel := begin()
	defer broker.Close()
	if _, err := channel.QueueDeclare("orders", true, false, false, false, nil); err != nil {
		log.Fatal(err)
	}
	order := amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("order-7")}
	confirm, err := channel.PublishWithDeferredConfirm("", "orders", true, false, order)
	if err != nil || !confirm.Wait() {
		log.Fatal("not published: ", err)
	}

	broker.Kill()
	if err := broker.Restart(); err != nil {
		log.Fatal(err)
	}
	orders, _ := broker.Facts().Queue("/", "orders")
	fmt.Println(orders.Ready)
	// Output: 1
}

// begin starts a broker and opens a channel in confirm mode.
func begin() (*minirabbit.Server, *amqp.Channel) {
	broker, err := minirabbit.Start()
	if err != nil {
		log.Fatal(err)
	}
	connection, err := amqp.Dial(broker.URL())
	if err != nil {
		log.Fatal(err)
	}
	channel, err := connection.Channel()
	if err != nil {
		log.Fatal(err)
	}
	if err := channel.Confirm(false); err != nil {
		log.Fatal(err)
	}
	return broker, channel
}
