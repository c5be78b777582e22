-- Looks up a key and its account by the hash of a secret.
-- KEYS: secrets, keys, accounts, version (accounts/redis.py). ARGV: SHA-256 of the secret.
-- Returns the version, then the records of key and account if the secret opens a key.
local id = redis.call('HGET', KEYS[1], ARGV[1])
local version = redis.call('GET', KEYS[4]) or ''
local key = id and redis.call('HGET', KEYS[2], id)
if not key then return {version} end
return {version, key, redis.call('HGET', KEYS[3], cjson.decode(key).account)}
