-- Returns the whole index, and the places that have expired and are not purged yet.
-- KEYS: index.
-- Returns the fields and values of the index, and the places with their expiry in Unix seconds.
return {
  redis.call('HGETALL', index),
  redis.call('ZRANGEBYSCORE', index .. ':expiring', '-inf', now(), 'WITHSCORES'),
}
