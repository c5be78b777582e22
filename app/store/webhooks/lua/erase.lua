-- Forgets what was to be sent, and has been sent, to an endpoint.
-- ARGV: id.
redis.call('ZREM', ready, ARGV[1])
redis.call('UNLINK', events(ARGV[1]), due(ARGV[1]), attempts(ARGV[1]))
