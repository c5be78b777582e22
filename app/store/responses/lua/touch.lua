-- A write that changes nothing, and brings nothing back that was erased.
-- KEYS: index. ARGV: response id.
-- Returns 0 where the response is not there though its conversation was not erased.
local account = redis.call('HGET', KEYS[1], 'account')
if account then redis.call('HSET', KEYS[1], 'account', account) end
return redis.call('HEXISTS', KEYS[1], ARGV[1])
