-- KEYS: index. ARGV: id.
-- Returns the lease token of the job's holder; FINISHER if a stream was just ended by another
-- process.
local id = ARGV[1]
local token = redis.call('HGET', job(id), 'owner')
if not token and redis.call('EXISTS', taken(id)) == 1 then return FINISHER end
return token
