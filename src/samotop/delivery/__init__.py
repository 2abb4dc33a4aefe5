"""Delivery: entries of the queue to where routing says, by a worker that survives restarts."""
