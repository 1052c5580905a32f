"""Use cases and their coordination: each command is one short method; processes turn facts into commands; ports name what is outside."""
