"""What deploy/observability has: alerts, a dashboard, and what a collector needs."""
