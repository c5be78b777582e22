-- Writes the record of a key or an account, with its audit entry.
--
-- It is written only if its writer saw the record's last revision. Writing the same record again
-- succeeds: the caller has not received the reply, or waits for replicas. Secrets that the record
-- no longer has are deleted.
-- KEYS: the record's table, secrets, version, audit (accounts/redis.py).
-- ARGV: field, record, audit entry, then the hashes of the key's secrets.
-- Returns whether the record was written.
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before == ARGV[2] then return 1 end
before = before and cjson.decode(before) or {revision = 0, secrets = {}}
if cjson.decode(ARGV[2]).revision ~= before.revision + 1 then return 0 end
for _, secret in ipairs(before.secrets or {}) do
  redis.call('HDEL', KEYS[2], secret[1])
end
for i = 4, #ARGV do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SET', KEYS[3], redis.call('XADD', KEYS[4], '*', 'entry', ARGV[3]))
return 1
