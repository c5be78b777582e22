"""What one request may cost, counted and not timed, so that CI holds it on any machine.

A real gateway (its own Redis, an upstream, real sockets) answers single requests in a process of
its own, without a server around it. Counted is what its thread does for each: Python calls and
bytecode instructions, apart for `app` and for the libraries together; what goes to Redis, to the
upstream and to the caller. `budget.toml` holds what was recorded; `test_budget` fails when a count
has grown, and says which.

    .venv/bin/python -m tests.budget             show what is counted now beside what is recorded
    .venv/bin/python -m tests.budget --record    write it down; the commit says what is worth it

What is not seen: time inside of a call to C (a regular expression, zstd), threads beside the
request's own, and what gunicorn and gevent add. That is what `make bench` is for.
"""
