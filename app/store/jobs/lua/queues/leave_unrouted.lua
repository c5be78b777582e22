-- Leaves a job to workers that know its model.
-- ARGV: id, lease in ms.
redis.call('ZADD', unrouted, 'NX', now, ARGV[1])
redis.call('ZADD', leases, now + ARGV[2], ARGV[1])
