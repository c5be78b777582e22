-- Deletes the waiting events and the delivery log of an endpoint.
-- ARGV: id.
redis.call('ZREM', ready, ARGV[1])
redis.call('UNLINK', events(ARGV[1]), due(ARGV[1]), attempts(ARGV[1]))
