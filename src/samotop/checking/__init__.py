"""Being asked by other mail servers: as a milter, and over HTTP as rspamd is.

Somebody else receives a message and asks what we think of it. The same
evidence is gathered and the same deciders are asked as for a message of our
own (``check``); ``milter`` and ``http`` are how that is said. Nothing is
stored but what deciding remembers: a contact request, a greylisted attempt.

Who may ask tells us whose message it is, and is believed: our own machine, and
the networks that a listener names.
"""
