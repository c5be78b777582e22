-- Returns where the turns of a response's chain are, and the turns themselves if they are few.
-- KEYS: index.
-- ARGV: account, the id of a response or of a conversation, an id whose turn alone is wanted or '',
-- first and last depth wanted (negative: from the end), maximum number of entries to return, the
-- check value of the caller's key or ''; and for a page 'rising' or 'falling', or 'sized' to get
-- only the size of a single entry if it is long.
-- Returns nothing if the response is unknown, has not ended, or has another key. Otherwise: its
-- status, log and depth; the log and depth that its log continues; the first depth returned; the
-- parts of logs (log, first and last index, newest first); the entries of each part, none if they
-- are too many; the last turn's common fields; the ids of items that had been removed; references
-- among the parts still to be read (number of the part, index in it, log); a conversation's last
-- turn; expired places among these parts (number of the part, index in it); whether the id has a
-- key. Of a long conversation a page has as many entries as fit into PAGE bytes (at least one),
-- from the first on or, falling, from the last; then 1 if these are not all. Without a page, it has
-- no entries but their maximum size in bytes; so has a single long entry if 'sized'.
-- NEAR: number of entries at a conversation's end that are searched for its last turn.
local NEAR = 8
-- LONG: up to this size of a conversation, its entries are returned whatever their sizes.
local LONG, PAGE = 1048576, 16777216

-- Returns whether an entry is a turn: one of items alone has no rest after the items.
local function has_response(entry)
  if #entry < 5 then return false end
  local size = struct.unpack('>I4', entry) % 2147483648
  return size > 0 and #entry > 4 + size + (digest(entry) and 12 or 0)
end

local account, id, anchor, first, last, most, check, page = unpack(ARGV)
if not owned(account) or not opens(id, check) then return false end
local encrypted = redis.call('HEXISTS', index, 'check:' .. id)
local is_list = string.sub(id, 1, 5) == 'conv_'
local found = record(id)
if is_list and is_listed(id) then
  local depth = redis.call('LLEN', index .. ':0') - 1
  if depth < 0 then
    return {'', '0', depth, '0', -1, 0, {}, {}, false, {}, {}, false, {}, encrypted}
  end
  found = {status = '', log = '0', depth = depth, deleted = ''}
end
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
local stored = tonumber(redis.call('HGET', index, 'bytes') or 0)
local is_long = stored > LONG and first < last
local whole = last - first < tonumber(most) and not is_long
local parts, entries, gone, pending, empty = {}, {}, {}, {}, {}
local references, listed = {}, redis.call('HEXISTS', index, 'conversation') == 1
if listed then
  local text = redis.call('HGET', index, 'references') or ''
  for at, log in string.gmatch(text, '(%d+)=(%d+)') do references[tonumber(at)] = log end
end
-- What has expired but is not purged yet is empty here: indexes by log.
local over = {}
local function set_over(log, at)
  if not over[log] then over[log] = {} end
  over[log][at] = true
end
if redis.call('EXISTS', index .. ':expiring') == 1 then
  for _, place in ipairs(redis.call('ZRANGEBYSCORE', index .. ':expiring', '-inf', now())) do
    local log, depth = string.match(place, '^(%d+):(%d+)$')
    if log then
      local _, fork_depth = fork_point(log)
      set_over(log, depth - fork_depth - 1)
    end
  end
  for at, other in pairs(references) do
    if over[other] and over[other][0] then set_over('0', at) end
  end
end
-- From the response's log down to log 0: the wanted part of each log on the way.
local log, depth, trunk = found.log, found.depth, -1
while log and depth >= first do
  if log == '0' then trunk = depth end
  local parent_log, fork_depth = fork_point(log)
  if fork_depth < last and depth >= first then
    if anchor ~= '' and anchor.log ~= log then return false end
    local from = math.max(first, fork_depth + 1) - fork_depth - 1
    local to = math.min(last, depth) - fork_depth - 1
    parts[#parts + 1] = {log, from, to}
    if whole then entries[#parts] = redis.call('LRANGE', index .. ':' .. log, from, to) end
    for at, other in pairs(log == '0' and references or {}) do
      if at >= from and at <= to and whole then
        entries[#parts][at - from + 1] = redis.call('LINDEX', index .. ':' .. other, 0)
        if first == last then parts[#parts] = {other, 0, 0} end
      elseif at >= from and at <= to then
        pending[#pending + 1] = {#parts - 1, at - from, other}
      end
    end
    for at in pairs(over[log] or {}) do
      if at >= from and at <= to and whole then
        entries[#parts][at - from + 1] = ''
      elseif at >= from and at <= to then
        empty[#empty + 1] = {#parts - 1, at - from}
      end
    end
  end
  log, depth = parent_log, fork_depth
end
-- Returns the size of a part of a log, in bytes, but at most `all`.
local function size_of_part(key, from, to, all)
  local size = 0
  for at = from, to do
    size = size + #redis.call('LINDEX', key, at)
    if size >= all then return all end
  end
  return size
end

-- Returns the size of the chain's logs in bytes. If a long log goes on after the chain's part, its
-- entries are measured, which (MEASURED) takes twice as long as returning them. Otherwise, whoever
-- continues an early turn would be refused because of all that was added since.
local function size_of_logs()
  local size, logs = 0, {}
  for _, part in ipairs(parts) do logs[#logs + 1] = part end
  for _, reference in ipairs(pending) do logs[#logs + 1] = {reference[3], 0, 0} end
  for _, its in ipairs(logs) do
    local key, from, to = index .. ':' .. its[1], its[2], its[3]
    local used = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 0)
    if type(used) ~= 'number' then used = stored end -- this user of Redis may not call it
    if used > PAGE and to - from + 1 < redis.call('LLEN', key) then
      used = size_of_part(key, from, to, used)
    end
    size = size + used
  end
  return math.min(size, stored)
end

local function entry_at(log, at)
  if over[log] and over[log][at] then return '' end
  local other = log == '0' and references[at]
  return redis.call('LINDEX', index .. ':' .. (other or log), other and 0 or at)
end

-- Returns the entries of a page, and 1 if these are not all.
local function read_page()
  local found, size = {}, 0
  local rising = page == 'rising'
  for number = 1, #parts do
    local log, from, to = unpack(parts[rising and #parts + 1 - number or number])
    for step = 0, to - from do
      local entry = entry_at(log, rising and from + step or to - step)
      if #found > 0 and size + #entry > PAGE then
        if not rising then first = last + 1 - #found end
        return found, 1
      end
      size = size + #entry
      table.insert(found, rising and #found + 1 or 1, entry)
    end
  end
  return found, 0
end

local about_long
if is_long and page then
  local found
  found, about_long = read_page()
  entries = {found}
elseif is_long then
  about_long = size_of_logs()
end
-- Items that had been removed from log 0 up to where the chain leaves it.
if listed and (first < found.depth or is_list) then
  local removed = redis.call('HGETALL', index .. ':removed')
  for at = 1, #removed, 2 do
    if tonumber(removed[at + 1]) <= trunk then gone[#gone + 1] = removed[at] end
  end
end
local parent_log, fork_depth = fork_point(found.log)
local own = entries[1] and entries[1][#entries[1]]
if last == found.depth and not own then
  own = redis.call('LINDEX', index .. ':' .. found.log, found.depth - fork_depth - 1)
end
local turn = false
if is_list then
  own = nil
  local near = redis.call('LRANGE', index .. ':0', -NEAR, -1)
  for at = #near, 1, -1 do
    local place = found.depth - #near + at
    local entry = references[place] and
      redis.call('LINDEX', index .. ':' .. references[place], 0) or near[at]
    if has_response(entry) and not (over['0'] and over['0'][place]) then
      own, turn = entry, entry
      break
    end
  end
end
local only = page == 'sized' and entries[1] and entries[1][1]
if only and #only > LONG then entries, about_long = {}, #only end
local common = digest(own) and redis.call('HGET', index .. ':common', digest(own)) or false
return {
  found.status, found.log, found.depth, parent_log or '0', fork_depth, first, parts, entries, common,
  gone, pending, turn, empty, encrypted, about_long
}
