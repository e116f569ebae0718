"""Keeps conversations in step: what was said on one side stands once, in order, on the other."""
