"""Budgets, and prices of models."""
