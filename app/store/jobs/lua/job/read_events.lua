-- KEYS: index. ARGV: id, event number, maximum number of entries.
-- Returns whether the job has ended, and the entries from the one on that has that event.
local id, number, most = unpack(ARGV)
local first = '-'
local before = redis.call('XREVRANGE', events(id), (number + 1) .. '-0', '-', 'COUNT', 1)[1]
if before then
  first = (tonumber(before[2][2]) > tonumber(number) and '' or '(') .. before[1]
end
return {
  1 - redis.call('EXISTS', job(id)),
  redis.call('XRANGE', events(id), first, '+', 'COUNT', most),
}
