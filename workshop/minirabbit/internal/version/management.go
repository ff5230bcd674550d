package version

// The differences that the management API shows, as seen on 3.10.8 and 4.0.5.

// TellsQueueType tells whether every queue's arguments have its x-queue-type, and virtual hosts and the overview a default
// queue type.
func (v Version) TellsQueueType() bool { return v.atLeast(4, 0) }

// TellsVersion tells whether there is a GET /api/version, and whether whoami says is_internal_user.
func (v Version) TellsVersion() bool { return v.atLeast(4, 0) }

// LoginFailure is the management API's reason for refusing a wrong password.
func (v Version) LoginFailure() string {
	if v.atLeast(4, 0) {
		return "Not_Authorized"
	}
	return "Login failed"
}
