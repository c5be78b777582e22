-- Parks a job: it is queued again later.
-- ARGV: id, delay in ms.
redis.call('SADD', parked, ARGV[1])
redis.call('ZADD', leases, now + ARGV[2], ARGV[1])
