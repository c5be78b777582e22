-- One conversation. Every program of responses and of single jobs has this in front.
--
-- Keys, which the hash tag in braces makes neighbours on a Cluster:
--
--   <prefix>{tag}         hash: the index
--     account               whose conversation it is
--     <response id>         status:log:depth:deleted_at; the last is empty while the response can be
--                           seen, the depth is -1 while it is queued or in progress
--     bytes                 how much is stored of it
--     forks                 how many logs there are beside log 0
--     fork:<n>              log:depth of the turn that log n continues
--     conversation          conversations that have an id: id:created_at:deleted_at. Their log 0 is
--                           what /v1/conversations lists, in the order in which it came; beside
--                           turns it has entries of items alone, references and marks (entries.py)
--     metadata              the conversation's, as JSON, sealed where it has a key
--     check:<id>            of a response, or conversation, that is encrypted with its caller's key:
--                           what tells that key from others (domain/accounts/content_key.py)
--     items_<unique>        items:0:depth: of an entry of items alone
--     terms:<unique>        created_at:user: when a response, or items alone, came, and a keyed hash
--                           of its end user, which may be empty; until it is purged
--     references            depth=log, for each reference: log 0 at that depth stands for the first
--                           entry of that log, a turn whose writer had not seen the entry before it
--   <prefix>{tag}:<n>     list: log n, an entry a turn
--   <prefix>{tag}:common  hash: what entries have in common (entries.py), by its digest, and under #
--                         and the digest how many entries name it
--   <prefix>{tag}:cuts    hash: response id -> where its stream was cut (domain/stream/replay), packed
--                         where that is long (codec.py)
--   <prefix>{tag}:removed hash: item id, or what stands for an encrypted one's (packed/homes.py) -> the
--                         depth of the mark in log 0 that says that the item is
--                         no longer of the conversation; turns before the mark have seen it
--   <prefix>{tag}:expiring  sorted set: log:depth of turns and items that are to be purged, by when
--                         (Unix seconds), and `conversation`, itself. From that second on they are
--                         as good as purged for every reader
--
-- A turn's depth is the number of turns before it: log n begins at its fork point's depth + 1.
-- An index, where resp_C continues resp_A and resp_B does, too:
--
--   account  acme              resp_A  completed:0:0:      resp_B  completed:0:1:
--   bytes    1820              forks   1
--   fork:1   0:0               resp_C  completed:1:1:
--
-- KEYS[1] is the index; the others' names are made from it. KEYS[2], where there is no Cluster, is
-- the number of bytes that the account has stored (stored_bytes.py): programs that store or destroy
-- change it.
local index = KEYS[1]

local function now() return tonumber(redis.call('TIME')[1]) end

-- When what stands at a place expired, '' where it has not.
local function expired(place)
  local at = redis.call('ZSCORE', index .. ':expiring', place)
  return at and tonumber(at) <= now() and at or ''
end

-- Notes when what came to a place expires, '' for never: with it the conversation that it joins.
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

-- What the index says of a response, or nil. What has expired was deleted then.
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

-- Whether the key that a check value is of, '' for none, is that of what an id names; of what has no
-- key any is. '*' is an operator's, who may delete what he cannot read.
local function opens(id, check)
  local known = redis.call('HGET', index, 'check:' .. id)
  return not known or known == check or check == '*'
end

-- Whether a key would encrypt what a conversation, which has none, is to be given.
local function is_plain(id, check)
  return check ~= '' and redis.call('HEXISTS', index, 'check:' .. id) == 0
end

-- The log and the depth of the turn that a log continues: nil and -1 for log 0.
local function fork_point(log)
  if log == '0' then return nil, -1 end
  local parent_log, depth =
    string.match(redis.call('HGET', index, 'fork:' .. log), '^(%d+):(%-?%d+)$')
  return parent_log, tonumber(depth)
end

-- The digest of what an entry has in common with others, or nil.
local function digest(entry)
  if entry and entry ~= '' and string.byte(entry) >= 128 then return string.sub(entry, 5, 16) end
end

-- Whether this is a conversation that has an id, this one, and is neither deleted nor expired.
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
