module warren.example/solutions

go 1.25.0

ignore (
	mistakes
	skeleton
)

require warren.example/workshop v0.0.0

replace warren.example/workshop => ../workshop
