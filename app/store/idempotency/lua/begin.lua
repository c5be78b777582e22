-- Claims an idempotency key. A key, which expires after a day, is
--
--   <prefix>idempotency:<account>:<hash>  hash
--     digest         of the request body that it was sent with
--     token, until   its holder while the request runs, and when that lease ends (Unix ms)
--     waited         when somebody last waited for the answer (Unix ms)
--     response       the id of the response that it makes, if known and to be stored
--     noted          what is known of that answer, sealed, if anything
--     answer         the request's result, sealed; there is no token then
--
-- KEYS: the key.
-- ARGV: digest, token, lease in ms, the key's lifetime in ms, 1 to take it over if its lease has
-- expired.
-- Returns its state, the answer if there is one, or what was noted of it, and the response that is
-- being made; if the key is begun: by a holder whose lease has expired.
local digest, token, lease, kept, takes_over = unpack(ARGV)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known, owner, ends, answer, response, noted =
  unpack(redis.call('HMGET', KEYS[1], 'digest', 'token', 'until', 'answer', 'response', 'noted'))
if known and known ~= digest then return {'reused', '', ''} end
if answer then return {'done', answer, ''} end
if owner and owner ~= token and tonumber(ends) > now then
  redis.call('HSET', KEYS[1], 'waited', now)
  return {'running', noted or '', response or ''}
end
if owner and owner ~= token and takes_over ~= '1' then return {'lapsed', '', ''} end
-- HSET comes first: a Redis whose memory is full refuses it, but no longer once a program has
-- deleted something. A key whose answer could not be kept must not be taken.
redis.call('HSET', KEYS[1], 'digest', digest, 'token', token, 'until', now + lease)
redis.call('HDEL', KEYS[1], 'waited', 'response', 'noted')
redis.call('PEXPIRE', KEYS[1], kept)
return {'begun', noted or '', response or ''}
