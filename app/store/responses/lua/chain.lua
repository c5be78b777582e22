-- Where the turns of a response's chain are, and the turns, if they are few.
-- KEYS: index.
-- ARGV: account, response id, an id whose turn alone is wanted or '', the first and the last depth
-- that are wanted (negative: from the end), how many entries at most are returned at once.
-- Returns nothing where the response is unknown or has not ended, or else its status, log and
-- depth; the log and depth that its log continues; the first depth of what follows; where the
-- entries are (log, first and last index, newest first); the entries of each of these, none where
-- they are too many; and what the last turn has in common with others.
local account, id, anchor, first, last, most = unpack(ARGV)
local found = owned(account) and record(id)
if not found or found.deleted ~= '' or found.depth < 0 then return false end
first, last = tonumber(first), tonumber(last)
if first < 0 then first = math.max(0, found.depth + 1 + first) end
if last < 0 then last = found.depth + 1 + last end
if anchor ~= '' then
  anchor = record(anchor)
  if not anchor or anchor.depth > found.depth then return false end
  first, last = anchor.depth, anchor.depth
end
last = math.min(last, found.depth)
local whole = last - first < tonumber(most)
local parts, entries = {}, {}
-- From the response's log down to log 0: of each, what is wanted of the part that leads to it.
local log, depth = found.log, found.depth
while log and depth >= first do
  local parent_log, fork_depth = fork_point(log)
  if fork_depth < last and depth >= first then
    if anchor ~= '' and anchor.log ~= log then return false end
    local from = math.max(first, fork_depth + 1) - fork_depth - 1
    local to = math.min(last, depth) - fork_depth - 1
    parts[#parts + 1] = {log, from, to}
    if whole then entries[#parts] = redis.call('LRANGE', index .. ':' .. log, from, to) end
  end
  log, depth = parent_log, fork_depth
end
local parent_log, fork_depth = fork_point(found.log)
local own = entries[1] and entries[1][#entries[1]]
if last == found.depth and not own then
  own = redis.call('LINDEX', index .. ':' .. found.log, found.depth - fork_depth - 1)
end
local common = digest(own) and redis.call('HGET', index .. ':common', digest(own)) or false
return {
  found.status, found.log, found.depth, parent_log or '0', fork_depth, first, parts, entries, common
}
