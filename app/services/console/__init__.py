"""What people see of their account in the console."""
