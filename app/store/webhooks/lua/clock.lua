-- What programs of webhooks begin with, as those of the jobs' queues do (jobs/lua/queues).
local jobs = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
