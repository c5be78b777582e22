"""How the store reaches Redis: clients, pools, Sentinels, scripts, and redis-py's errors made ours."""
