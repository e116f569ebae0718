"""What Tieline says to the outside: the port and the systems behind it."""
