-- Writes a response that waits.
-- KEYS: index. ARGV: account, id, payload, the response's terms.
-- Returns 0 where the conversation is another account's.
local account, id, payload, about = unpack(ARGV)
local owner = redis.call('HGET', index, 'account')
if owner and owner ~= account then return 0 end
redis.call('HSET', index, 'account', account, terms(id), about)
set_record(id, 'queued')
redis.call('HSET', job(id), 'account', account, 'status', 'queued', 'ticket', payload, 'next', 0)
return 1
