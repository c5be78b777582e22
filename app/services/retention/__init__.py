"""What is purged once its time has come, and what an operator purges by age or end user."""
