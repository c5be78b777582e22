"""The way to Redis: clients, pools, Sentinels, scripts, and its errors as ours."""
