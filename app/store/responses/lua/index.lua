-- All that the index says, and what has expired and is not purged yet.
-- KEYS: index.
-- Returns the fields and values of the index, and the places with since when, in Unix seconds.
return {
  redis.call('HGETALL', index),
  redis.call('ZRANGEBYSCORE', index .. ':expiring', '-inf', now(), 'WITHSCORES'),
}
