// Package money has amounts as the shop keeps them: whole minor units and a currency, never a float.
package money

import "fmt"

// A Money is an amount in the smallest unit of its currency: 1999 EUR is 19.99 €. The zero value is no money at all.
type Money struct {
	Minor    int64  `json:"minor"`    // cents; may be negative
	Currency string `json:"currency"` // ISO 4217, three capital letters
}

// Of returns an amount of minor units.
func Of(minor int64, currency string) Money { return Money{Minor: minor, Currency: currency} }

// String writes "19.99 EUR".
func (m Money) String() string {
	sign, minor := "", m.Minor
	if minor < 0 {
		sign, minor = "-", -minor
	}
	return fmt.Sprintf("%s%d.%02d %s", sign, minor/100, minor%100, m.Currency)
}
