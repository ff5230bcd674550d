package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"warren.example/workshop/minirabbit/internal/broker"
)

// A userAnswer is a user.
type userAnswer struct {
	Name      string   `json:"name"`
	Hash      string   `json:"password_hash"`
	Algorithm string   `json:"hashing_algorithm"`
	Tags      []string `json:"tags"`
	Limits    struct{} `json:"limits"`
}

func userOf(u broker.User) userAnswer {
	return userAnswer{Name: u.Name, Hash: hash(u), Algorithm: "rabbit_password_hashing_sha256", Tags: tagsOf(u)}
}

// hash is a password in RabbitMQ's form: four bytes of salt and the SHA-256 of salt and password, in Base64
// (rabbitmq.com/docs/passwords). The salt is made of the name: this is a broker for tests, which keeps the password itself.
// No password gives an empty hash.
func hash(u broker.User) string {
	if u.Password == "" {
		return ""
	}
	named := sha256.Sum256([]byte(u.Name))
	salt := named[:4:4]
	sum := sha256.Sum256(append(salt, u.Password...))
	return base64.StdEncoding.EncodeToString(append(salt, sum[:]...))
}

func (h *Handler) getUsers(request) (any, error) {
	all := []userAnswer{}
	for _, u := range h.source.Users() {
		all = append(all, userOf(u))
	}
	return all, nil
}

func (h *Handler) getUser(r request) (any, error) {
	u, ok := h.source.User(r.PathValue("user"))
	if !ok {
		return nil, errNotFound
	}
	return userOf(u), nil
}

// putUser makes or replaces a user. Without a password, or with an empty one, the user can't log in.
func (h *Handler) putUser(r request) (any, error) {
	var wanted struct {
		Password string          `json:"password"`
		Hash     string          `json:"password_hash"`
		Tags     json.RawMessage `json:"tags"` // "a,b" or ["a","b"]
	}
	if err := r.read(&wanted); err != nil {
		return nil, err
	}
	if wanted.Hash != "" {
		return nil, missing("users by password_hash")
	}
	if wanted.Tags == nil {
		return nil, badRequest("tags_not_present")
	}
	tags, err := readTags(wanted.Tags)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("user")
	_, known := h.source.User(name)
	h.source.PutUser(broker.User{Name: name, Password: wanted.Password, Tags: tags})
	if known {
		return nil, nil
	}
	return created{}, nil
}

func readTags(raw json.RawMessage) ([]string, error) {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list, nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return nil, badRequest("tags_not_present")
	}
	for _, tag := range strings.Split(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			list = append(list, tag)
		}
	}
	return list, nil
}

func (h *Handler) deleteUser(r request) (any, error) {
	if !h.source.DeleteUser(r.PathValue("user")) {
		return nil, errNotFound
	}
	return nil, nil
}
