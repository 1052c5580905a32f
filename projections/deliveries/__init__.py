"""Webhook deliveries whose signature was right, and what came of them."""
