-- Leases streams, or renews their leases.
-- ARGV: lease in ms, ids.
for number = 2, #ARGV do redis.call('ZADD', streams, now + ARGV[1], ARGV[number]) end
