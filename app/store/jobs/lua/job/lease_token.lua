-- KEYS: index. ARGV: id.
-- Returns the lease token of the job's holder.
return redis.call('HGET', job(ARGV[1]), 'owner')
