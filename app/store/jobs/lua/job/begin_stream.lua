-- Records a response that is being streamed to its caller, so that other processes see it.
-- KEYS: index.
-- ARGV: account, id, lease token, payload, kind, the response's terms, the check value of its key,
-- and the wrapped key, '' for none.
-- Returns whether the token holds it: not if it has ended, or the conversation is another
-- account's.
local account, id, token, payload, kind, about, check, key = unpack(ARGV)
local owner, current = redis.call('HGET', index, 'account'), redis.call('HGET', job(id), 'owner')
if current then return current == token and 1 or 0 end
if (owner and owner ~= account) or record(id) then return 0 end
redis.call('HSET', index, 'account', account, terms(id), about)
set_record(id, 'in_progress')
set_key(id, check, key)
redis.call('HSET', job(id), 'account', account, 'status', 'in_progress', 'owner', token,
  'begun', token, 'ticket', payload, 'next', 0, 'kind', kind)
return 1
