package wire

// TxSelect makes the channel transactional: publishes and acks wait for TxCommit.
type TxSelect struct{}

func (*TxSelect) Name() string     { return "tx.select" }
func (*TxSelect) ID() MethodID     { return MethodID{90, 10} }
func (m *TxSelect) String() string { return describe(m) }
func (*TxSelect) fields(visitor)   {}

// TxSelectOk answers TxSelect.
type TxSelectOk struct{}

func (*TxSelectOk) Name() string     { return "tx.select-ok" }
func (*TxSelectOk) ID() MethodID     { return MethodID{90, 11} }
func (m *TxSelectOk) String() string { return describe(m) }
func (*TxSelectOk) fields(visitor)   {}

// TxCommit makes what was published and acknowledged since the last one count.
type TxCommit struct{}

func (*TxCommit) Name() string     { return "tx.commit" }
func (*TxCommit) ID() MethodID     { return MethodID{90, 20} }
func (m *TxCommit) String() string { return describe(m) }
func (*TxCommit) fields(visitor)   {}

// TxCommitOk answers TxCommit.
type TxCommitOk struct{}

func (*TxCommitOk) Name() string     { return "tx.commit-ok" }
func (*TxCommitOk) ID() MethodID     { return MethodID{90, 21} }
func (m *TxCommitOk) String() string { return describe(m) }
func (*TxCommitOk) fields(visitor)   {}

// TxRollback forgets what was published and acknowledged since the last commit.
type TxRollback struct{}

func (*TxRollback) Name() string     { return "tx.rollback" }
func (*TxRollback) ID() MethodID     { return MethodID{90, 30} }
func (m *TxRollback) String() string { return describe(m) }
func (*TxRollback) fields(visitor)   {}

// TxRollbackOk answers TxRollback.
type TxRollbackOk struct{}

func (*TxRollbackOk) Name() string     { return "tx.rollback-ok" }
func (*TxRollbackOk) ID() MethodID     { return MethodID{90, 31} }
func (m *TxRollbackOk) String() string { return describe(m) }
func (*TxRollbackOk) fields(visitor)   {}
