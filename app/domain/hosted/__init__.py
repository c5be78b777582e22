"""Items of tools that other servers run: carried as they came, and put into words."""
