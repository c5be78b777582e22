"""Codex CLI, with the tools that it has, against a model that plays an agent by script."""
