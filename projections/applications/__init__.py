"""Applications: what is built from a repository and deployed."""
