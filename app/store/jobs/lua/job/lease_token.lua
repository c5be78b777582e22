-- KEYS: index. ARGV: id.
-- Returns the lease token of whose the job is.
return redis.call('HGET', job(ARGV[1]), 'owner')
