"""The MTA-STS policy of our own domains, as the configuration and the certificate have it.

One answer for who serves it and for who prints its record: they must agree on
each octet, as the record's id is a sum of them. Reads the certificate's file.
Raises nothing: without a certificate that can be read, nothing is enforced.
"""

from __future__ import annotations

from pathlib import Path

from samotop.config.shapes import Config
from samotop.dns.names import normalize_name
from samotop.tlspolicy.stspolicy import Mode, StsPolicy, plan_policy


def own_policy(config: Config, home: Path) -> StsPolicy:
    """The policy of every domain of ``config``."""
    from samotop.net.certificates import is_issued  # cryptography: who asks for something else does not pay for it

    own = config.mta_sts
    has_tls = any(one.protocol == "smtp" and one.tls != "none" for one in config.listeners)
    return plan_policy(
        normalize_name(config.hostname),
        is_issued=has_tls and is_issued(home / config.tls.certificate),
        mode=None if own.mode == "auto" else Mode(own.mode),
        patterns=own.mx,
        max_age=int(own.max_age),
    )
