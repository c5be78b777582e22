-- Adds counts to the table of attributions (usage by end user and metadata). The constants
-- MAX_USERS, MAX_ATTRIBUTED and OTHER_JSON precede it (usage/base.py); usage/redis.py describes the
-- table.

local function numbers(text)
  local found = {}
  for number in string.gmatch(text or '', '%-?%d+') do table.insert(found, tonumber(number)) end
  return found
end

-- Adds `counts` to a field's sums; counters that only a later release knows keep their sums.
local function add_up(table_key, field, before, counts)
  local sums, more = numbers(before), numbers(counts)
  for i = 1, math.max(#sums, #more) do
    sums[i] = string.format('%.0f', (sums[i] or 0) + (more[i] or 0))
  end
  redis.call('HSET', table_key, field, table.concat(sums, ' '))
end

local function count_of(table_key, what) return tonumber(redis.call('HGET', table_key, what) or 0) end

local function attribute(table_key, key, model, user, metadata, other_metadata, counts)
  local kind = redis.call('TYPE', table_key).ok
  if kind ~= 'hash' and kind ~= 'none' then return end
  if user ~= 'null' and user ~= OTHER_JSON
      and redis.call('HEXISTS', table_key, 'user:' .. user) == 0 then
    if count_of(table_key, 'users') >= MAX_USERS then
      user = OTHER_JSON
    else
      redis.call('HSET', table_key, 'user:' .. user, '')
      redis.call('HINCRBY', table_key, 'users', 1)
    end
  end
  local function field() return '[' .. table.concat({key, model, user, metadata}, ',') .. ']' end
  local before = redis.call('HGET', table_key, field())
  if not before then
    if count_of(table_key, 'lines') >= MAX_ATTRIBUTED then
      if user ~= 'null' then user = OTHER_JSON end
      metadata = other_metadata
      before = redis.call('HGET', table_key, field())
    else
      redis.call('HINCRBY', table_key, 'lines', 1)
    end
  end
  add_up(table_key, field(), before, counts)
end
