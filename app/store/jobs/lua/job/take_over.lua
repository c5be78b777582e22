-- Takes over a job, from the worker that runs it if there is one, to finish it.
-- KEYS: index. ARGV: account, id, why, channel, the check value of the caller's key or ''.
-- Returns the claim to finish it with, or nothing if it has ended.
local account, id, why, channel, check = unpack(ARGV)
if not owned(account) or not opens(id, check) or redis.call('EXISTS', job(id)) == 0 then return false end
take_over(id, why, channel)
return claim(id)
