-- Deletes the fields of items whose home is this response.
-- KEYS: homes of items (keys.py). ARGV: response id, item ids.
for i = 2, #ARGV do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
