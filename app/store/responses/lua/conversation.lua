-- One conversation. Every program on responses and on single jobs begins with this.
--
-- Keys, which the hash tag in braces puts into one slot of a Cluster:
--
--   <prefix>{tag}         hash: the index
--     account               the account that owns it
--     <response id>         status:log:depth:deleted_at; the last is empty while the response can
--                           be seen, the depth is -1 while it is queued or in progress
--     bytes                 how many bytes are stored of it
--     forks                 number of logs beside log 0
--     fork:<n>              log:depth of the turn that log n continues
--     conversation          for conversations that have an id: id:created_at:deleted_at. Their log
--                           0 is what /v1/conversations lists, in order of arrival; beside turns
--                           it has entries of items alone, references and marks (entries.py)
--     metadata              the conversation's, as JSON, sealed where it has a key
--     check:<id>            of a response, or conversation, that is encrypted with its caller's
--                           key: the key's check value (domain/accounts/content_key.py)
--     items_<unique>        items:0:depth: of an entry of items alone
--     terms:<unique>        created_at:user of a response, or of items alone, until it is purged
--                           and no mention of it is left: user is a keyed hash of the end user,
--                           which may be empty
--     references            depth=log, for each reference: log 0 at that depth stands for the first
--                           entry of that log, a turn whose writer had not seen the entry before it
--   <prefix>{tag}:<n>     list: log n, one entry per turn
--   <prefix>{tag}:common  hash: common fields of entries (entries.py) by digest, and under # and
--                         the digest the number of entries that refer to them
--   <prefix>{tag}:cuts    hash: response id -> where its stream was cut (domain/stream/replay),
--                         packed if that is long (codec.py)
--   <prefix>{tag}:removed hash: item id, or the name of an encrypted one (packed/homes.py) -> the
--                         depth of the mark in log 0 from which on the item is no longer in the
--                         conversation; turns before the mark have seen it
--   <prefix>{tag}:expiring  sorted set: log:depth of turns and items, and `conversation` for
--                         itself, by when they expire (Unix seconds). From that second on readers
--                         treat them as purged
--
-- A turn's depth is the number of turns before it: log n begins at its fork point's depth + 1. An
-- index, in which both resp_B and resp_C continue resp_A:
--
--   account  acme              resp_A  completed:0:0:      resp_B  completed:0:1:
--   bytes    1820              forks   1
--   fork:1   0:0               resp_C  completed:1:1:
--
-- KEYS[1] is the index; the other names are derived from it. KEYS[2], except on a Cluster, is the
-- number of bytes that the account has stored (stored_bytes.py): programs that store or destroy
-- update it.
local index = KEYS[1]

local function now() return tonumber(redis.call('TIME')[1]) end

-- Returns when the content of a place expired, '' if it has not.
local function expired(place)
  local at = redis.call('ZSCORE', index .. ':expiring', place)
  return at and tonumber(at) <= now() and at or ''
end

-- Records when a place's content expires, '' for never, and extends the conversation that it joins.
local function expire(place, at, joins)
  local expiring = index .. ':expiring'
  if at ~= '' then redis.call('ZADD', expiring, at, place) end
  if not joins or not redis.call('ZSCORE', expiring, 'conversation') then return end
  if at == '' then
    redis.call('ZREM', expiring, 'conversation')
  else
    redis.call('ZADD', expiring, 'GT', at, 'conversation')
  end
end

local function terms(id) return 'terms:' .. string.sub(id, -32) end

-- Returns the index's record of a response, or nil. What has expired counts as deleted at that
-- time.
local function record(id)
  local text = redis.call('HGET', index, id)
  if not text then return nil end
  local status, log, depth, deleted = string.match(text, '^([a-z_]+):(%d+):(%-?%d+):(%d*)$')
  if deleted == '' then deleted = expired(log .. ':' .. depth) end
  return {status = status, log = log, depth = tonumber(depth), deleted = deleted}
end

local function owned(account)
  return redis.call('HGET', index, 'account') == account
end

-- Returns whether a check value ('' for none) is of the key of this id; without a key any value is.
-- '*' is an operator's, who may delete what they cannot read.
local function opens(id, check)
  local known = redis.call('HGET', index, 'check:' .. id)
  return not known or known == check or check == '*'
end

-- Returns whether a key was sent for a conversation that has none.
local function is_plain(id, check)
  return check ~= '' and redis.call('HEXISTS', index, 'check:' .. id) == 0
end

-- Returns the log and depth of the turn that a log continues: nil and -1 for log 0.
local function fork_point(log)
  if log == '0' then return nil, -1 end
  local parent_log, depth =
    string.match(redis.call('HGET', index, 'fork:' .. log), '^(%d+):(%-?%d+)$')
  return parent_log, tonumber(depth)
end

-- Returns the digest of an entry's common fields, or nil.
local function digest(entry)
  if entry and entry ~= '' and string.byte(entry) >= 128 then return string.sub(entry, 5, 16) end
end

-- Returns whether the conversation has this id and is neither deleted nor expired.
local function is_listed(conversation)
  local text = redis.call('HGET', index, 'conversation')
  return text and string.match(text, '^([^:]+):%d+:$') == conversation
    and expired('conversation') == ''
end

local function add_stored(bytes)
  if bytes == 0 then return end
  redis.call('HINCRBY', index, 'bytes', bytes)
  if KEYS[2] then redis.call('INCRBY', KEYS[2], bytes) end
end
