-- Appends to the request log.
--
-- KEYS: the log (usage/request_log.py); a key that exists for a while once this ran, since a reply
-- may be lost and the program run again.
-- ARGV: lifetime of that key in seconds, maximum number of entries in the log, then the entries.
if not redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[1]) then return 0 end
for i = 3, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[i])
end
return #ARGV - 2
