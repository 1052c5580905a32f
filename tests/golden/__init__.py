"""The stored form of every event, one file a schema: written once, never edited."""
