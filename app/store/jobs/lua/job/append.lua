-- Appends a flush to a job's stream.
-- KEYS: index.
-- ARGV: id, lease token, first number, events, how many, spoke, usage, cost, channel.
-- Returns whether the job is the token's, or -1 less the number of the event that is wanted first,
-- where events that were written before it were lost with a server.
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
