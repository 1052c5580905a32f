"""What people may do with tasks, and what those who run them report."""
