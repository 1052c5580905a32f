"""Where in the log the facts stand that still held at some position: an index for questions about the past, not an answer to them."""
