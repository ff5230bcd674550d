//go:build !race

package lab

// withoutRaces says that races are not looked for.
const withoutRaces = ". Races are not looked for: that takes -race and a C compiler"
