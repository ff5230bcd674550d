package user

import "strings"

// A User is a customer, or somebody who runs the shop.
type User struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Email     string   `json:"email"`
	Interests []string `json:"interests"` // categories whose offers the user wants
	Admin     bool     `json:"admin"`     // may change products and stock
	Version   int64    `json:"version"`   // counts the changes, 1 when registered
}

// A Profile is what users may change of themselves. The tags are rules of go-playground/validator.
type Profile struct {
	Name      string   `json:"name" validate:"required,max=100"`
	Email     string   `json:"email" validate:"required,email,max=254"` // RFC 5321 leaves 254 bytes for an address
	Interests []string `json:"interests" validate:"max=20,unique,dive,required,max=40"`
}

// A Registration is what somebody says who wants to become a customer.
type Registration struct {
	Name      string   `json:"name" validate:"required,max=100"`
	Email     string   `json:"email" validate:"required,email,max=254"`
	Interests []string `json:"interests" validate:"max=20,unique,dive,required,max=40"`
	// Password has eight characters or more (NIST SP 800-63B), and 72 bytes or fewer: see maxPassword.
	Password string `json:"password" validate:"required,min=8,max=72"`
}

func (r Registration) profile() Profile {
	return Profile{Name: r.Name, Email: r.Email, Interests: r.Interests}
}

// apply makes the user what the profile says.
func (u *User) apply(p Profile) {
	u.Name, u.Email, u.Interests = p.Name, p.Email, p.Interests
	if u.Interests == nil {
		u.Interests = []string{} // JSON: [], not null
	}
}

// emailKey is the form of an address that is unique: Ada@Shop.example is ada@shop.example. By RFC 5321 the part before the @
// could be another's, but no provider does that, and customers forget their capitals.
func emailKey(address string) string { return strings.ToLower(address) }
