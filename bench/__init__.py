"""What the gateway costs, measured beside a naive pass-through in one interleaved run.

`python -m bench` measures everything and keeps it (`make bench`), `--quick` the main figures in a
minute; `python -m bench.readme` shows what was kept. `figures` says what each figure is.
"""
