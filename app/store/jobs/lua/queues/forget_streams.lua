-- ARGV: ids of streams that have ended.
redis.call('ZREM', streams, unpack(ARGV))
