"""What the gateway costs, measured beside a naive pass-through in one interleaved run.

`python -m bench` measures everything and keeps it (`make bench`), `--quick` the main figures in under
a minute; `python -m bench.readme` shows what was kept. What a figure is, its module in `figures` says.
"""
