"""The JSON of webhooks, as openai-python 3.57 has it (N4)."""
