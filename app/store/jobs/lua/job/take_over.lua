-- Takes a job over, whoever runs it, to finish it.
-- KEYS: index. ARGV: account, id, why, channel.
-- Returns the claim to finish it with, or nothing where it has ended.
local account, id, why, channel = unpack(ARGV)
if not owned(account) or redis.call('EXISTS', job(id)) == 0 then return false end
take_over(id, why, channel)
return claim(id)
