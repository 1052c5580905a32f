"""The ledger of notifications: what was to be told to whom, and what came of it."""
