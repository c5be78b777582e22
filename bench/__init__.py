"""What the gateway costs, measured beside a naive pass-through in one interleaved run.

`python -m bench` measures everything (`make bench`), `--quick` the main figures in under a minute.
"""
