"""What decides, what writes down and what runs a pass."""
