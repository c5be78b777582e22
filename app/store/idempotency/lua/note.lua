-- Records which response the request makes.
-- KEYS: the key (begin.lua). ARGV: token, response id, what is known of the answer or ''.
if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'response', ARGV[2])
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'noted', ARGV[3]) end
end
return 1
