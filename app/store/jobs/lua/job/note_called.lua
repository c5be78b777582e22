-- Records whether an upstream may have been called for a job under its holder's token.
-- KEYS: index. ARGV: id, lease token, 1 if it may have been, otherwise 0.
-- Returns whether the token holds the job.
local id, token, called = unpack(ARGV)
if redis.call('HGET', job(id), 'owner') ~= token then return 0 end
if called == '1' then redis.call('HSETNX', job(id), 'begun', token) else undo_begun(id, token) end
return 1
