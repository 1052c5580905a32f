"""The versions of repositories: what can be deployed."""
