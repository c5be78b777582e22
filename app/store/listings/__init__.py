"""What an account has stored, listed for the console: responses, conversations, trees, jobs."""
