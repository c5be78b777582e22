-- Accepts a job: it waits from now on.
-- ARGV: account, id.
push(unpack(ARGV))
