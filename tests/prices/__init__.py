"""`make prices`: takes the prices of genai-prices into a file of ours."""
