"""One module per revision of the state, oldest first."""
