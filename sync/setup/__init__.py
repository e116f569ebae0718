"""Going live: what fits together by likeness, and whether what is configured fits the live systems."""
