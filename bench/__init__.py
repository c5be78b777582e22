"""The gateway's cost, measured together with a naive pass-through in one interleaved run.

`python -m bench` measures everything and stores the result (`make bench`), `--quick` the main
figures in a minute; `python -m bench.readme` publishes a stored result. `figures` defines them.
"""
