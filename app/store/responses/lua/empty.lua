-- Returns whether only places are left of a conversation: all of its content is purged.
local function is_empty()
  if redis.call('ZCARD', index .. ':expiring') > 0 then return false end
  local all = redis.call('HGETALL', index)
  for at = 1, #all, 2 do
    local name = all[at]
    local kind = string.match(name, '^(%a+)_')
    if name == 'metadata' or kind == 'items' then return false end
    if kind == 'resp' then
      local log, depth = string.match(all[at + 1], ':(%d+):(%-?%d+):')
      local _, fork_depth = fork_point(log)
      local entry = redis.call('LINDEX', index .. ':' .. log, tonumber(depth) - fork_depth - 1)
      if tonumber(depth) < 0 or entry ~= '' then return false end
    end
  end
  return true
end
