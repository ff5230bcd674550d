package record

// kind is the first byte of a record.
type kind byte

const (
	hostPut            kind = 'H'
	hostDeleted        kind = 'h'
	userPut            kind = 'U'
	userDeleted        kind = 'u'
	permissionsPut     kind = 'P'
	permissionsDeleted kind = 'p'
	exchangeDeclared   kind = 'X'
	exchangeDeleted    kind = 'x'
	bound              kind = 'B'
	unbound            kind = 'b'
	queueDeclared      kind = 'Q'
	queueDeleted       kind = 'q'
	content            kind = 'M'
	stored             kind = 'S'
	removed            kind = 's'
	delivered          kind = 'D'
	requeued           kind = 'R'
	doubted            kind = 'K'
	opened             kind = 'O'
	closed             kind = 'o'
)
