"""Connections to Redis: clients, pools, Sentinels, Lua programs, and Redis's errors as ours."""
