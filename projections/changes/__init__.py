"""Changes: requests to do something, and the answers to them."""
