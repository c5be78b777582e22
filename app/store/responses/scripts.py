"""What Redis does by itself, in one step each.

Keys of one conversation, which its hash tag in braces makes neighbours on a Cluster:

    <prefix>{tag}        hash: the index
        account            whose conversation it is
        <response id>      status:log:depth:deleted_at, the last empty while it can be seen,
                           the depth -1 while it is queued or in progress
        bytes              how much is stored of it
        forks              how many logs there are beside log 0
        fork:<n>           log:depth that log n continues
    <prefix>{tag}:<n>    list: log n, an entry a turn
    <prefix>{tag}:common hash: what entries have in common (entries.py), by its digest, and
                         under # and the digest how many entries name it

A turn's depth is the number of turns before it, so that log n begins at its base's depth + 1.
A program is given the index as its key and derives the others', which share its slot. Programs
that store or destroy take the number of bytes that the account has stored (stored_bytes.py) as a
second key, where there is no Cluster.
"""

from __future__ import annotations

from app.store.connection.script import Script

LIBRARY = """
local index = KEYS[1]

local function record(id)
  local held = redis.call('HGET', index, id)
  if not held then return nil end
  local status, log, depth, deleted = string.match(held, '^([a-z_]+):(%d+):(%-?%d+):(%d*)$')
  return {status = status, log = log, depth = tonumber(depth), deleted = deleted}
end

local function owned(account)
  return redis.call('HGET', index, 'account') == account
end

local function base(log)
  if log == '0' then return nil, -1 end
  local under, depth = string.match(redis.call('HGET', index, 'fork:' .. log), '^(%d+):(%-?%d+)$')
  return under, tonumber(depth)
end

local function digest(entry)
  if entry and entry ~= '' and string.byte(entry) >= 128 then return string.sub(entry, 5, 16) end
end

local function stored(bytes)
  if bytes == 0 then return end
  redis.call('HINCRBY', index, 'bytes', bytes)
  if KEYS[2] then redis.call('INCRBY', KEYS[2], bytes) end
end
"""

# ARGV: account, response id, status, statuses that it may follow, entry (with what it names behind
# it, and the size of that), the parent's log and depth (0 and -1 for none). Returns the status
# that stands and how many bytes were stored, or nothing where the parent is gone.
COMMIT_BODY = """
local account, id, status, before, entry, log, depth = unpack(ARGV)
local holder = redis.call('HGET', index, 'account')
if holder and holder ~= account then return false end
local held = record(id)
if held and not string.find(before, ' ' .. held.status .. ' ', 1, true) then
  redis.call('HSET', index, 'account', account)
  return {held.status, 0}
end
depth = tonumber(depth) + 1
local _, under = base(log)
local taken = under + 1 + redis.call('LLEN', index .. ':' .. log) - depth
if taken < 0 then return false end
if taken > 0 then
  local from = log .. ':' .. (depth - 1)
  log = redis.call('HINCRBY', index, 'forks', 1)
  redis.call('HSET', index, 'fork:' .. log, from)
end
local bytes, named = 0, digest(entry)
if named then
  local size = struct.unpack('>I4', string.sub(entry, -4))
  local common = string.sub(entry, -4 - size, -5)
  if redis.call('HSETNX', index .. ':common', named, common) == 1 then bytes = size end
  entry = string.sub(entry, 1, -5 - size)
  redis.call('HINCRBY', index .. ':common', '#' .. named, 1)
end
bytes = bytes + #entry
stored(bytes)
redis.call('RPUSH', index .. ':' .. log, entry)
redis.call('HSET', index, 'account', account,
  id, table.concat({status, log, depth, held and held.deleted or ''}, ':'))
return {status, bytes}
"""

# With a third key, an account's conversations, ARGV has a time and a tag more, that are put there.
COMMIT = Script(
    LIBRARY,
    "if KEYS[3] then redis.call('ZADD', KEYS[3], ARGV[8], ARGV[9]) end\n",
    COMMIT_BODY,
)

# ARGV: account, response id, an id whose turn alone is wanted or '', the first and the last depth
# that are wanted (negative: from the end), how many entries at most are returned at once.
# Returns nothing where the response is unknown or has not ended, or else its status, log and
# depth, the place that its log continues, the first depth of what follows, where the entries are
# (log, first and last index, newest first), the entries of each of these, and what the last turn
# has in common.
CHAIN = Script(
    LIBRARY,
    """
local account, id, anchor, first, last, most = unpack(ARGV)
local held = owned(account) and record(id)
if not held or held.deleted ~= '' or held.depth < 0 then return false end
first, last = tonumber(first), tonumber(last)
if first < 0 then first = math.max(0, held.depth + 1 + first) end
if last < 0 then last = held.depth + 1 + last end
if anchor ~= '' then
  anchor = record(anchor)
  if not anchor or anchor.depth > held.depth then return false end
  first, last = anchor.depth, anchor.depth
end
last = math.min(last, held.depth)
local whole = last - first < tonumber(most)
local parts, entries = {}, {}
local log, depth = held.log, held.depth
while log and depth >= first do
  local under, below = base(log)
  if below < last and depth >= first then
    if anchor ~= '' and anchor.log ~= log then return false end
    local from, to = math.max(first, below + 1) - below - 1, math.min(last, depth) - below - 1
    parts[#parts + 1] = {log, from, to}
    if whole then entries[#parts] = redis.call('LRANGE', index .. ':' .. log, from, to) end
  end
  log, depth = under, below
end
local under, below = base(held.log)
local own = entries[1] and entries[1][#entries[1]]
if last == held.depth and not own then
  own = redis.call('LINDEX', index .. ':' .. held.log, held.depth - below - 1)
end
local common = digest(own) and redis.call('HGET', index .. ':common', digest(own)) or false
return {held.status, held.log, held.depth, under or '0', below, first, parts, entries, common}
""",
)

# ARGV: account, response id, time in Unix seconds. Returns whether there was something to hide: who
# asks again at the same time has not heard the answer.
HIDE = Script(
    LIBRARY,
    """
local account, id, now = unpack(ARGV)
local held = owned(account) and record(id)
if not held or (held.deleted ~= '' and held.deleted ~= now) then return 0 end
redis.call('HSET', index, id, table.concat({held.status, held.log, held.depth, now}, ':'))
return 1
""",
)

# ARGV: response id. A write that changes nothing, and brings nothing back that was erased. Returns
# 0 where the response is not there though its conversation was not erased.
TOUCH = Script(
    """
local account = redis.call('HGET', KEYS[1], 'account')
if account then redis.call('HSET', KEYS[1], 'account', account) end
return redis.call('HEXISTS', KEYS[1], ARGV[1])
"""
)

# ARGV: response id, time in Unix seconds. Returns the account and the entry ('' once it is purged)
# of a response that was hidden before that time, or nothing where there is no such response.
HIDDEN = Script(
    LIBRARY,
    """
local id, before = unpack(ARGV)
local held = record(id)
if not held or held.deleted == '' or tonumber(held.deleted) >= tonumber(before) then
  return false
end
local _, below = base(held.log)
local entry = redis.call('LINDEX', index .. ':' .. held.log, held.depth - below - 1)
return {redis.call('HGET', index, 'account'), entry}
""",
)

# ARGV: response id. Empties the entry of a hidden response, and leaves it its place. Returns how
# many bytes less are stored.
PURGE = Script(
    LIBRARY,
    """
local held = record(ARGV[1])
if not held or held.deleted == '' then return 0 end
local _, below = base(held.log)
local entry = redis.call('LINDEX', index .. ':' .. held.log, held.depth - below - 1)
local bytes, named = #entry, digest(entry)
local events, from = index .. ':events:' .. ARGV[1], '-'
repeat
  local told = redis.call('XRANGE', events, from, '+', 'COUNT', 100)
  for _, flush in ipairs(told) do bytes, from = bytes + #(flush[2][4] or ''), '(' .. flush[1] end
until #told == 0
if named and redis.call('HINCRBY', index .. ':common', '#' .. named, -1) == 0 then
  bytes = bytes + redis.call('HSTRLEN', index .. ':common', named)
  redis.call('HDEL', index .. ':common', named, '#' .. named)
end
redis.call('LSET', index .. ':' .. held.log, held.depth - below - 1, '')
redis.call('UNLINK', events)
stored(-bytes)
return bytes
""",
)

# Removes a conversation, with what jobs_lua.py keeps beside it. Returns how many bytes less are
# stored.
ERASE = Script(
    LIBRARY,
    """
for log = 0, tonumber(redis.call('HGET', index, 'forks') or 0) do
  redis.call('UNLINK', index .. ':' .. log)
end
for _, id in ipairs(redis.call('HKEYS', index)) do
  redis.call('UNLINK', index .. ':job:' .. id, index .. ':events:' .. id)
end
local bytes = tonumber(redis.call('HGET', index, 'bytes') or 0)
stored(-bytes)
redis.call('UNLINK', index, index .. ':common')
return bytes
""",
)

# KEYS: homes of items (keys.py). ARGV: response id, item ids. Forgets that they are at home there.
LEAVE_HOME = Script(
    """
for i = 2, #ARGV do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
"""
)
