"""Users and their tokens (never a token's value)."""
