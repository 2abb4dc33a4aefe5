"""Where a text points to: URLs, their domains from the whole name to the last label, ports, tricks.

Only the first ``LINKS`` are looked at. Raises nothing.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.junk.scripts import skeleton

LINKS: Final = 60

_URL: Final = re.compile(rb"(?:://|mailto:|\bwww\.)([^\s<>\"'()\\]{1,300})")
_PATH: Final = re.compile(rb"[/?&=;.#_+-]+")
_LABELS: Final = 4
"""Labels of a domain, from the right, that are features together with those after them."""


def name_domains(tag: bytes, domain: bytes) -> list[bytes]:
    """``tag`` with the domain and with those above it."""
    labels = domain.split(b".")[-_LABELS:]
    return [b"%b %b" % (tag, b".".join(labels[start:])) for start in range(len(labels))]


def find_links(text: bytes) -> list[bytes]:
    """Features of the URLs in a text, HTML or not."""
    if b"://" not in text and b"www." not in text and b"mailto:" not in text:
        return [b"no link"]
    found: list[bytes] = []
    hosts: set[bytes] = set()
    number = 0
    for match in _URL.finditer(text):
        number += 1
        if number > LINKS:
            break
        if match[0].startswith(b"mailto:"):
            found.append(b"link to " + match[1].partition(b"?")[0].lower())
            continue
        found += _describe(match[1], hosts)
    found.append(b"links: %d" % number.bit_length())
    found.append(b"hosts linked: %d" % min(len(hosts), 8))
    return found


def _describe(url: bytes, hosts: set[bytes]) -> list[bytes]:
    host, slash, path = url.partition(b"/")
    found = []
    if b"@" in host:
        found.append(b"link with a user")
        host = host.rpartition(b"@")[2]
    host, colon, port = host.partition(b":")
    if colon:
        found.append(b"link to port " + port[:5])
    host = host.partition(b"?")[0].lower().rstrip(b".,;")[:80]
    if host not in hosts:
        hosts.add(host)
        found += name_domains(b"link to", host)
        if host.replace(b".", b"").isdigit():
            found.append(b"link to a number")
        elif not host.isascii() or b"xn--" in host:
            found += [b"link beyond ASCII", b"link looks like " + skeleton(host)]
        if b"%" in host:
            found.append(b"link in disguise")
        if host.count(b"-") > 1:
            found.append(b"link with hyphens")
    if slash:
        found += [b"link has " + word[:24] for word in _PATH.split(path[:100].lower())[:8] if word]
    return found
