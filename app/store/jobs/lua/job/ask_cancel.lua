-- Asks the process that streams a response to its caller to cancel it.
-- KEYS: index.
-- ARGV: account, id, channel, 1 to ask even for one that ends with its caller, the check value of
-- the caller's key or ''.
-- Returns 'job' for a background job, for which nothing is published; 'stream' if its process was
-- asked; 'attached' for one that ends with its caller; nothing if none waits or runs.
local account, id, channel, any, check = unpack(ARGV)
if not owned(account) or not opens(id, check) then return false end
local status, kind = unpack(redis.call('HMGET', job(id), 'status', 'kind'))
if not status then return false end
if not kind then return 'job' end
if any ~= '1' and kind ~= 'outlasting' then return 'attached' end
redis.call('PUBLISH', channel .. ':streams', 'cancel ' .. id)
return 'stream'
