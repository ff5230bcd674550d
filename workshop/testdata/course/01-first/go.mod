module warren.example/01-first

go 1.25.0

require warren.example/workshop v0.0.0

replace warren.example/workshop => ../workshop
