package routing

import "strings"

// topic is the index of a topic exchange: a trie of the words of the binding keys. Words are what stands between dots, and
// may be empty; an empty key has no words at all. In a binding key, the word * stands for one word and # for any number,
// none included (exchanges).
//
// A key is matched by walking all fitting paths at once, word by word, with each node at most once per word: nested # cost
// no more than the size of the trie times the number of words.
//
//	root ──stock──> ○ ──*──> ○ ──rome──> ●   stock.*.rome
//	  └──#──> ⟳ ──eur──> ●                   #.eur
type topic struct {
	root *node
	now  []*node // reached with the words so far
	next []*node // reached with one word more
	step uint64  // of the walk; a node that has it is in next already
}

// node is the end of a path of words.
type node struct {
	parent *node
	word   string
	exact  map[string]*node
	star   *node // by *
	hash   *node // by #
	loops  bool  // it is behind a #: any word leads back to it
	ends   list  // the bindings whose key ends here
	step   uint64
}

func newTopic() *topic { return &topic{root: &node{}} }

func (t *topic) add(b *bound) {
	n := t.root
	for words := cut(b.Key); words.next(); {
		n = n.grow(words.word)
	}
	n.ends.add(b)
}

func (t *topic) remove(b *bound) {
	n := t.root
	for words := cut(b.Key); words.next(); {
		n = n.child(words.word)
	}
	n.ends.remove(b)
	n.prune()
}

func (t *topic) route(g *Graph) {
	t.key(g, g.message.Key)
	for _, key := range g.message.More {
		t.key(g, key)
	}
}

func (t *topic) key(g *Graph, key string) {
	t.next = t.next[:0]
	t.step++
	t.enter(t.root)
	for words := cut(key); len(t.next) > 0 && words.next(); {
		t.now, t.next = t.next, t.now[:0]
		t.step++
		for _, n := range t.now {
			if n.loops {
				t.enter(n)
			}
			if n.star != nil {
				t.enter(n.star)
			}
			if child, ok := n.exact[words.word]; ok {
				t.enter(child)
			}
		}
	}
	for _, n := range t.next {
		for _, b := range n.ends {
			g.carry(b)
		}
	}
}

// enter reaches n, and what a # that stands for nothing leads to.
func (t *topic) enter(n *node) {
	for ; n != nil && n.step != t.step; n = n.hash {
		n.step = t.step
		t.next = append(t.next, n)
	}
}

// child returns the node that the word of a binding key leads to, or nil.
func (n *node) child(word string) *node {
	switch word {
	case "*":
		return n.star
	case "#":
		return n.hash
	}
	return n.exact[word]
}

// grow returns the node that the word of a binding key leads to, and makes it if need be.
func (n *node) grow(word string) *node {
	child := n.child(word)
	if child != nil {
		return child
	}
	child = &node{parent: n, word: word, loops: word == "#"}
	switch word {
	case "*":
		n.star = child
	case "#":
		n.hash = child
	default:
		if n.exact == nil {
			n.exact = make(map[string]*node)
		}
		n.exact[word] = child
	}
	return child
}

// prune removes n, and what leads only to it, if no binding needs it any more.
func (n *node) prune() {
	for n.parent != nil && len(n.ends) == 0 && len(n.exact) == 0 && n.star == nil && n.hash == nil {
		switch parent := n.parent; n.word {
		case "*":
			parent.star = nil
		case "#":
			parent.hash = nil
		default:
			delete(parent.exact, n.word)
		}
		n = n.parent
	}
}

// words walks over the words of a key.
type words struct {
	word string
	rest string
	more bool
}

func cut(key string) words { return words{rest: key, more: key != ""} }

func (w *words) next() bool {
	if !w.more {
		return false
	}
	w.word, w.rest, w.more = strings.Cut(w.rest, ".")
	return true
}
