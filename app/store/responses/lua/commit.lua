-- Stores a turn.
-- KEYS: index; without a Cluster also stored bytes, the account's responses and, for the first turn
-- of a conversation, the account's conversations.
-- ARGV: the arguments of commit_turn; the channel for news; the score in the account's responses
-- (keys.py); with the fourth key the conversation's tag.
-- Returns what commit_turn does.
local came = string.match(ARGV[11], '^%d+')
if KEYS[4] then redis.call('ZADD', KEYS[4], came, ARGV[15]) end
local committed, id = commit_turn(unpack(ARGV, 1, 12)), ARGV[2]
if committed and KEYS[3] then redis.call('ZADD', KEYS[3], 'NX', ARGV[14], id) end
-- The job record of a stream that ran (jobs/lua/job/job.lua) gives way to the stored response.
if committed and ARGV[9] ~= '' and
  redis.call('UNLINK', index .. ':job:' .. id, index .. ':events:' .. id) > 0 then
  redis.call('PUBLISH', ARGV[13], 'ended ' .. id)
end
return committed
