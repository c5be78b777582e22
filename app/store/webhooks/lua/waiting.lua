-- Returns the number of events waiting or being sent, to all endpoints.
local waiting = 0
for _, endpoint in ipairs(redis.call('HKEYS', owners)) do
  waiting = waiting + redis.call('HLEN', events(endpoint))
end
return waiting
