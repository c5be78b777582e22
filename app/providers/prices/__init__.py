"""Vendors' prices: data of a maintained library (genai-prices), as fetched by `make prices`."""
