-- Appends to the request log.
--
-- KEYS: the log (usage/request_log.py), and what is there for a while once this was appended: a
-- reply may be lost and the program run again.
-- ARGV: for how many seconds that is, how many entries the log may have, then the entries.
if not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[1]) then return 0 end
for i = 3, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[i])
end
return #ARGV - 2
