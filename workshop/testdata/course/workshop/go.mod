module warren.example/workshop

go 1.25.0
