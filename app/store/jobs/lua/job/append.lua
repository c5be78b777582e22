-- Appends a flush to a job's stream.
-- KEYS: index.
-- ARGV: id, lease token, first event's number, events, their count, 1 if there is output, usage,
-- cost, channel.
-- Returns whether the token holds the job; or, if events before these were lost with a server, -1
-- minus the number of the first event that is missing.
local id, token, first, data, count, spoke, usage, cost, channel = unpack(ARGV)
local current, after = unpack(redis.call('HMGET', job(id), 'owner', 'next'))
if current ~= token then return 0 end
if tonumber(after) > tonumber(first) then return 1 end
if tonumber(after) < tonumber(first) then return -1 - after end
append(id, first, data, count)
if spoke == '1' then redis.call('HSET', job(id), 'spoke', 1) end
if usage ~= '' then redis.call('HSET', job(id), 'usage', usage) end
if cost ~= '' then redis.call('HSET', job(id), 'cost', cost) end
redis.call('PUBLISH', channel, 'told ' .. id)
return 1
