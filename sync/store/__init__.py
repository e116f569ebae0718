"""What survives a pass: the state."""
