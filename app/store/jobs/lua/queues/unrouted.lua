-- ARGV: maximum number.
-- Returns unrouted ids, the oldest first, each followed by the ms since it was left.
local found = redis.call('ZRANGE', unrouted, 0, ARGV[1] - 1, 'WITHSCORES')
for number = 2, #found, 2 do found[number] = now - found[number] end
return found
