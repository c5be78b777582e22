"""The store of rate limits: requests and tokens over time, concurrent requests, budgets."""
