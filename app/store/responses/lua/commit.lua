-- Stores a turn.
-- KEYS: index, stored bytes; where there is one, the account's conversations.
-- ARGV: what commit_turn takes; with the third key a time and a tag, which are put there.
-- Returns what commit_turn does.
if KEYS[3] then redis.call('ZADD', KEYS[3], ARGV[10], ARGV[11]) end
return commit_turn(unpack(ARGV, 1, 9))
