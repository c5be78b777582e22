-- Creates a conversation.
-- KEYS: index; without a Cluster also stored bytes, the account's conversations, and those with an
-- id.
-- ARGV: account, id, time in Unix seconds, metadata, tag; id of an entry of items and the entry, ''
-- for none; expiry of all of it, '' for never; the key's check values for the conversation and for
-- the entry, '' for none; the score in the list of those with an id (keys.py).
-- Returns the number of bytes stored.
local account, id, begun, metadata, tag, entry_id, entry, expires, check, entry_check,
  score = unpack(ARGV)
if redis.call('HEXISTS', index, 'conversation') == 1 then return 0 end
redis.call('HSET', index, 'account', account,
  'conversation', id .. ':' .. begun .. ':', 'metadata', metadata)
if check ~= '' then redis.call('HSET', index, 'check:' .. id, check) end
if expires ~= '' then redis.call('ZADD', index .. ':expiring', expires, 'conversation') end
if KEYS[3] then
  redis.call('ZADD', KEYS[3], begun, tag)
  redis.call('ZADD', KEYS[4], score, id)
end
if entry ~= '' then
  redis.call('RPUSH', index .. ':0', entry)
  redis.call('HSET', index, entry_id, 'items:0:0:', terms(entry_id), begun .. ':')
  if check ~= '' then redis.call('HSET', index, 'check:' .. entry_id, entry_check) end
  expire('0:0', expires, false)
end
local bytes = #metadata + #entry
add_stored(bytes)
return bytes
