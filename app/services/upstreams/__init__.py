"""Which upstream answers: models, retries, circuit breakers, concurrency."""
