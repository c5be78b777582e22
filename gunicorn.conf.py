"""`gunicorn -c gunicorn.conf.py`: the settings, with their reasons, are in app/serving."""

from __future__ import annotations

import sys

# gunicorn executes this file again on a reload, so the imported module must be reloaded as well.
sys.modules.pop("app.serving.gunicorn_conf", None)

from app.serving.gunicorn_conf import *  # noqa: E402, F403 - see above; gunicorn looks up the names
