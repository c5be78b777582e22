"""The benchmarks' own arithmetic, and how they show it."""
