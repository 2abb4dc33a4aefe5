"""What the operator can see of a running server, and what nobody can."""
