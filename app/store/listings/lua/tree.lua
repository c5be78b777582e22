-- Returns a conversation's index, if the account may see the response or conversation of an id.
-- KEYS: index.
-- ARGV: account, the id of a response or of the conversation, the check value of the caller's key
-- or '', the maximum number of fields in the index.
-- Returns the fields and values of the index, none if there are more than that; and the expired
-- places, each with its time in Unix seconds.
local account, id, check, most = unpack(ARGV)
if not owned(account) or not opens(id, check) then return false end
if string.sub(id, 1, 5) == 'conv_' then
  if not is_listed(id) then return false end
else
  local found = record(id)
  if not found or found.deleted ~= '' then return false end
end
local expired_places =
  redis.call('ZRANGEBYSCORE', index .. ':expiring', '-inf', now(), 'WITHSCORES')
if redis.call('HLEN', index) > tonumber(most) then return {{}, expired_places} end
return {redis.call('HGETALL', index), expired_places}
