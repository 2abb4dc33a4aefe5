"""The MTA-STS policy of our own domains, as the configuration and the certificates have it.

One answer for who serves it and for who prints its record: they must agree on
each octet, as the record's id is a sum of them. Reads the certificates' files.
Raises nothing: without a certificate that can be read, nothing is enforced.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from samotop.config.shapes import Config
from samotop.dns.names import normalize_name
from samotop.tlspolicy.stspolicy import Mode, StsPolicy, format_url, plan_policy


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


def note_policy(config: Config, home: Path) -> Iterator[str]:
    """What keeps senders from the policy, or from us because of it, in a sentence each."""
    if not any(one.protocol == "web" for one in config.listeners):
        return
    from samotop.net.certificates import is_issued, names_host

    own = config.mta_sts
    if own.mode == "enforce" and not is_issued(home / config.tls.certificate):
        yield (
            "the MTA-STS policy is enforced, and the certificate of [tls] is one of its own making: senders that "
            "follow the policy will not deliver"
        )
    path = home / (own.certificate or config.tls.certificate)
    if not any(one.protocol == "web" and one.tls != "none" for one in config.listeners) or not is_issued(path):
        return  # a proxy shows its own, and one of our own making is for trying out
    for domain in map(normalize_name, config.domains):
        if not names_host(path, f"mta-sts.{domain}"):
            yield f"{path} does not name mta-sts.{domain}: senders take no policy from {format_url(domain)}"
