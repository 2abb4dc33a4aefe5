"""Sending over SMTP and LMTP: ``SmtpTransport`` for programs, ``open_courier`` for who plans its own connections."""

from __future__ import annotations
