"""What is traced of calls of models (M4)."""
