"""What is kept: the spool and queue on SQLite and segment files, accounts, and a spool in memory."""
