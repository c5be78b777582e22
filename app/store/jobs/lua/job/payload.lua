-- The payload of a job while it waits or runs.
-- KEYS: index. ARGV: id, and optionally a size limit in bytes.
-- Returns the payload, the account and the wrapped key; or, above the limit, only the payload's
-- size.
local id, most = unpack(ARGV)
return too_long(id, most) or redis.call('HMGET', job(id), 'ticket', 'account', 'key')
