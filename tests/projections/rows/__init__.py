"""What each read model says, in sentences. These tests share a database, and find it empty."""
