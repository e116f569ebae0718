"""Stand-ins of both systems over real HTTP on loopback."""
