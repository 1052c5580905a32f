"""What is true and what may happen. Pure: no driver, no clock, no other room."""
