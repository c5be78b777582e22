-- Returns how many events are on their way.
local waiting = 0
for _, endpoint in ipairs(redis.call('HKEYS', owners)) do
  waiting = waiting + redis.call('HLEN', events(endpoint))
end
return waiting
