"""Who is writing: sender authentication, as a library that needs no server.

``spf``, ``dkim``, ``arc``, ``dmarc``, ``iprev`` evaluate; ``authres`` reads and
writes what they found (RFC 8601). Each awaits nothing but the ``Resolver`` that
it is given, and each can be used without the others. Results are values; only
bugs raise.
"""
