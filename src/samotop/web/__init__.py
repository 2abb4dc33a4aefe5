"""Our own pages over HTTP: so far the MTA-STS policy alone (RFC 8461 §3.3)."""
