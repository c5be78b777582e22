-- Records a response that waits.
-- KEYS: index.
-- ARGV: account, id, payload, the response's terms, the check value of its key, the wrapped key, ''
-- for none; the size of the decrypted payload in bytes.
-- Returns 0 if the conversation is another account's, else 1.
local account, id, payload, about, check, key, json_bytes = unpack(ARGV)
local owner = redis.call('HGET', index, 'account')
if owner and owner ~= account then return 0 end
redis.call('HSET', index, 'account', account, terms(id), about)
set_record(id, 'queued')
set_key(id, check, key)
if check ~= '' then redis.call('HSET', job(id), 'json_bytes', json_bytes) end
redis.call('HSET', job(id), 'account', account, 'status', 'queued', 'ticket', payload, 'next', 0)
return 1
