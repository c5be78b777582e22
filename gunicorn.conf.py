"""`gunicorn -c gunicorn.conf.py`: each decision stands, with its reason, in app/serving."""

from __future__ import annotations

import sys

# gunicorn reads this file anew for a reload, and so it shall read that one.
sys.modules.pop("app.serving.gunicorn_conf", None)

from app.serving.gunicorn_conf import *  # noqa: E402, F403 - see above; gunicorn looks up the names
