-- The payload of a job while it waits or runs.
-- KEYS: index. ARGV: id, how many bytes it may have, if room is to be made where it has more.
-- Returns it, the account, and what encrypts it; or how many bytes it has when it is read.
local id, most = unpack(ARGV)
return too_long(id, most) or redis.call('HMGET', job(id), 'ticket', 'account', 'key')
