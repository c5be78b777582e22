-- ARGV: how many at most.
-- Returns ids that were left, the oldest first, each followed by for how many ms it has been.
local found = redis.call('ZRANGE', unrouted, 0, ARGV[1] - 1, 'WITHSCORES')
for number = 2, #found, 2 do found[number] = now - found[number] end
return found
