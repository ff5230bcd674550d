package notation

import "warren.example/workshop/wire"

// methods makes an empty method of each name.
var methods = func() map[string]func() wire.Method {
	table := map[string]func() wire.Method{}
	for _, make := range []func() wire.Method{
		empty[*wire.AccessRequest],
		empty[*wire.AccessRequestOk],
		empty[*wire.BasicAck],
		empty[*wire.BasicCancel],
		empty[*wire.BasicCancelOk],
		empty[*wire.BasicConsume],
		empty[*wire.BasicConsumeOk],
		empty[*wire.BasicCredit],
		empty[*wire.BasicCreditDrained],
		empty[*wire.BasicCreditOk],
		empty[*wire.BasicDeliver],
		empty[*wire.BasicGet],
		empty[*wire.BasicGetEmpty],
		empty[*wire.BasicGetOk],
		empty[*wire.BasicNack],
		empty[*wire.BasicPublish],
		empty[*wire.BasicQos],
		empty[*wire.BasicQosOk],
		empty[*wire.BasicRecover],
		empty[*wire.BasicRecoverAsync],
		empty[*wire.BasicRecoverOk],
		empty[*wire.BasicReject],
		empty[*wire.BasicReturn],
		empty[*wire.ChannelClose],
		empty[*wire.ChannelCloseOk],
		empty[*wire.ChannelFlow],
		empty[*wire.ChannelFlowOk],
		empty[*wire.ChannelOpen],
		empty[*wire.ChannelOpenOk],
		empty[*wire.ConfirmSelect],
		empty[*wire.ConfirmSelectOk],
		empty[*wire.ConnectionBlocked],
		empty[*wire.ConnectionClose],
		empty[*wire.ConnectionCloseOk],
		empty[*wire.ConnectionOpen],
		empty[*wire.ConnectionOpenOk],
		empty[*wire.ConnectionSecure],
		empty[*wire.ConnectionSecureOk],
		empty[*wire.ConnectionStart],
		empty[*wire.ConnectionStartOk],
		empty[*wire.ConnectionTune],
		empty[*wire.ConnectionTuneOk],
		empty[*wire.ConnectionUnblocked],
		empty[*wire.ConnectionUpdateSecret],
		empty[*wire.ConnectionUpdateSecretOk],
		empty[*wire.ExchangeBind],
		empty[*wire.ExchangeBindOk],
		empty[*wire.ExchangeDeclare],
		empty[*wire.ExchangeDeclareOk],
		empty[*wire.ExchangeDelete],
		empty[*wire.ExchangeDeleteOk],
		empty[*wire.ExchangeUnbind],
		empty[*wire.ExchangeUnbindOk],
		empty[*wire.QueueBind],
		empty[*wire.QueueBindOk],
		empty[*wire.QueueDeclare],
		empty[*wire.QueueDeclareOk],
		empty[*wire.QueueDelete],
		empty[*wire.QueueDeleteOk],
		empty[*wire.QueuePurge],
		empty[*wire.QueuePurgeOk],
		empty[*wire.QueueUnbind],
		empty[*wire.QueueUnbindOk],
		empty[*wire.TxCommit],
		empty[*wire.TxCommitOk],
		empty[*wire.TxRollback],
		empty[*wire.TxRollbackOk],
		empty[*wire.TxSelect],
		empty[*wire.TxSelectOk],
	} {
		table[make().Name()] = make
	}
	return table
}()

// empty makes a method of a type that is known only as a pointer to a struct.
func empty[P interface {
	*M
	wire.Method
}, M any]() wire.Method {
	return P(new(M))
}
