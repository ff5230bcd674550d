//go:build race

package lab

// withoutRaces says that races are not looked for. Here they are.
const withoutRaces = ""
