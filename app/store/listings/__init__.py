"""Lists of what an account has stored, for the console: responses, conversations, trees, jobs."""
