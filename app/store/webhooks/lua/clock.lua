-- Programs of webhooks begin with this; those of the jobs' queues (jobs/lua/queues) have the same.
local jobs = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
