"""The entry point of worker processes: job_process.py, under a name that never changes.

A reload starts the release that is installed by then. So the master of an earlier release starts
this file, and the master of a later one starts what an earlier release has under this name.
"""

from __future__ import annotations

from importlib import import_module

if __name__ == "__main__":
    import_module("app.serving.job_process").main()
