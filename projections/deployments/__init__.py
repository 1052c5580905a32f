"""Deployments: one version's way into one environment, and how far it has come."""
