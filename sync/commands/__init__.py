"""The commands, one module each: they call sync and print."""
