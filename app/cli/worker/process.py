"""What the worker's masters start as a process that works: job_process.py, by a name that stays.

A reload takes in the release that is there by then. So the master of an earlier one starts this,
and that of a later one starts what an earlier one has under this name.
"""

from __future__ import annotations

from importlib import import_module

if __name__ == "__main__":
    import_module("app.serving.job_process").main()
