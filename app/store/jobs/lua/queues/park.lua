-- Has a job queued again later.
-- ARGV: id, after how many ms.
redis.call('SADD', parked, ARGV[1])
redis.call('ZADD', leases, now + ARGV[2], ARGV[1])
