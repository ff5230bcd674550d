package user

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/bcrypt"
)

// maxPassword is how many bytes bcrypt looks at. What comes after would not count: a password that begins like the right one
// would be right. So longer ones are refused, when they are set and when they are tried.
const maxPassword = 72

var errPasswordTooLong = errors.New("a password has at most 72 bytes")

// passwords hashes and compares passwords. Each step of cost doubles the time that it takes, and that a thief of the hashes
// needs.
type passwords struct {
	cost    int
	dummy   string                            // the hash of a password that nobody has
	compare func(hash, password []byte) error // bcrypt's; tests count
}

// newPasswords returns passwords of a cost from 4 to 31; 0 is 10. 10 takes some 50 ms.
func newPasswords(cost int) (*passwords, error) {
	if cost == 0 {
		cost = bcrypt.DefaultCost
	}
	p := &passwords{cost: cost, compare: bcrypt.CompareHashAndPassword}
	dummy, err := p.hash("nobody has this one")
	if err != nil {
		return nil, err
	}
	p.dummy = dummy
	return p, nil
}

func (p *passwords) hash(password string) (string, error) {
	if len(password) > maxPassword {
		return "", errPasswordTooLong
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), p.cost)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return string(hash), nil
}

// match tells whether a password is the one of a hash. An empty hash is that of an unknown user: then it takes as long, and
// says no. Else the time would tell who is a customer here.
func (p *passwords) match(hash, password string) bool {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	err := p.compare([]byte(hash), []byte(password))
	return known && err == nil && len(password) <= maxPassword
}
