"""What one request may cost, counted and not timed, so that CI holds it on any machine.

A real gateway (a Redis, an upstream, real sockets) answers single requests in a process of its own,
without a server around it, by a clock that stands all but still. Counted is what its thread does
for each: Python calls and bytecode instructions, of `app` and of the libraries together; what goes
to Redis, to the upstream and to the caller. `budget.toml` holds what was recorded. `test_budget`
fails when bytes have grown by a tenth, or a round trip or a connection has come on top, and when a
figure has fallen by a fifth; it says which. Calls and instructions are a report: a gate on them
would be paid for in code that is written to be counted.

    .venv/bin/python -m tests.budget             show what is counted beside what is recorded
    .venv/bin/python -m tests.budget --record    record it; the commit says what it is worth

What is not seen: the inside of a call to C (a regular expression, zstd), threads beside the
request's own, and what gunicorn and gevent add. Those are for `make bench`.
"""
