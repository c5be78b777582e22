-- A write that changes nothing, and does not recreate what was erased.
-- KEYS: index. ARGV: response id.
-- Returns 0 if the response is missing.
local account = redis.call('HGET', KEYS[1], 'account')
if account then redis.call('HSET', KEYS[1], 'account', account) end
return redis.call('HEXISTS', KEYS[1], ARGV[1])
