// Command shop runs the shop: all services in one process, or those that are named. See `shop help`.
package main

import (
	"os"

	system "warren.example/06-services"
	"warren.example/06-services/shop"
)

func main() {
	os.Exit(shop.Main(system.Services(), shop.Parts{}, shop.Hooks{}))
}
