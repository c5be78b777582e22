-- The function that stores a turn: used by commit.lua and by the end of a job.
--
-- `before` has the statuses that `status` may replace, each between spaces. `entry` is followed by
-- its common fields, and their size, if it has a digest. `log` and `depth` are the parent's place,
-- 0 and -1 for none. `conversation` is the id of the one that the turn is for, '' for none: its
-- turn becomes the last entry of log 0, whatever was added since the writer read it. `cuts` says
-- where its stream was cut, '' for none. It expires at `expires`, '' for never; `about` is its
-- terms. `check` is the check value of its key, '' for none.
-- Returns the status that stands and how many bytes were stored, or false if the parent is gone.
local function commit_turn(account, id, status, before, entry, log, depth, conversation, cuts,
    expires, about, check)
  local owner = redis.call('HGET', index, 'account')
  if owner and owner ~= account then return false end
  local known = record(id)
  if known and not string.find(before, ' ' .. known.status .. ' ', 1, true) then
    redis.call('HSET', index, 'account', account) -- a write, for replicas to be waited for
    return {known.status, 0}
  end
  -- If the parent is the last of its log the turn is appended; else it begins a new log.
  depth = tonumber(depth) + 1
  local _, fork_depth = fork_point(log)
  local behind = fork_depth + 1 + redis.call('LLEN', index .. ':' .. log) - depth
  if behind < 0 then return false end
  local listed = log == '0' and redis.call('HEXISTS', index, 'conversation') == 1
  local joins = listed and is_listed(conversation)
  local forks = behind > 0 or (listed and not joins)
  if forks then
    local parent = log .. ':' .. (depth - 1)
    log = redis.call('HINCRBY', index, 'forks', 1)
    redis.call('HSET', index, 'fork:' .. log, parent)
  end
  local bytes, named = 0, digest(entry)
  if named then
    local size = struct.unpack('>I4', string.sub(entry, -4))
    local common = string.sub(entry, -4 - size, -5)
    if redis.call('HSETNX', index .. ':common', named, common) == 1 then bytes = size end
    entry = string.sub(entry, 1, -5 - size)
    redis.call('HINCRBY', index .. ':common', '#' .. named, 1)
  end
  if check ~= '' then redis.call('HSET', index, 'check:' .. id, check) end
  if cuts ~= '' then redis.call('HSET', index .. ':cuts', id, cuts) end
  bytes = bytes + #entry + #cuts
  add_stored(bytes)
  redis.call('RPUSH', index .. ':' .. log, entry)
  if forks and joins then
    local at = redis.call('RPUSH', index .. ':0', '\0\0\0\0' .. log) - 1
    local references = redis.call('HGET', index, 'references') or ''
    redis.call('HSET', index, 'references', references .. at .. '=' .. log .. ',')
  end
  redis.call('HSET', index, 'account', account,
    id, table.concat({status, log, depth, known and known.deleted or ''}, ':'), terms(id), about)
  expire(log .. ':' .. depth, expires, joins)
  return {status, bytes}
end
