-- Adds one line of usage. The constants MAX_LINES and OTHER_MODELS (usage/base.py) and
-- attribution.lua precede it.
--
-- KEYS: the day's two tables (usage/redis.py); a key that exists for a while once this ran, since a
-- reply may be lost and the program run again; the table of attributions if there is one.
-- ARGV: lifetime of that key in seconds, key id, model; for an attribution the JSON of key id,
-- model, user, metadata and of metadata beyond the limit, and all counts; then triples: number of a
-- table, its counter, amount. A sum that Redis cannot hold stays as it is, and affects no other.
-- Returns the number of such sums.
if not redis.call('SET', KEYS[3], '', 'NX', 'EX', ARGV[1]) then return 0 end
local key, model = ARGV[2], ARGV[3]
if redis.call('HEXISTS', KEYS[1], 'requests:' .. key .. ':' .. model) == 0 then
  if tonumber(redis.call('HGET', KEYS[1], 'lines') or 0) >= MAX_LINES then
    model = OTHER_MODELS
  else
    redis.call('HINCRBY', KEYS[1], 'lines', 1)
  end
end
if KEYS[4] then
  attribute(KEYS[4], ARGV[4], model == ARGV[3] and ARGV[5] or OTHER_JSON, ARGV[6], ARGV[7], ARGV[8], ARGV[9])
end
local refused = 0
for i = 10, #ARGV, 3 do
  local field = ARGV[i + 1] .. ':' .. key .. ':' .. model
  local sum = redis.pcall('HINCRBY', KEYS[tonumber(ARGV[i])], field, ARGV[i + 2])
  if type(sum) == 'table' and sum.err then
    if not string.find(sum.err, 'integer') and not string.find(sum.err, 'overflow') then
      return sum
    end
    refused = refused + 1
  end
end
return refused
