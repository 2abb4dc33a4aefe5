"""Checks: facts in, verdict out; one check a file."""
