-- Records which response the request makes.
-- KEYS: the key (begin.lua). ARGV: token, response id.
if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'response', ARGV[2])
end
return 1
