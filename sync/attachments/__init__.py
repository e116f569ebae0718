"""Keeps the files of a pair in step: each goes across once, as a stream, if the configuration lets it."""
