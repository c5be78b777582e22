-- ARGV: id.
-- Returns whether the job was ever accepted.
return redis.call('HEXISTS', accounts, ARGV[1])
