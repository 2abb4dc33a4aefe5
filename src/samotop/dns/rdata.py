"""Record data of dnspython's, and in presentation format, as the values of ``dns.records``.

Raises ``ValueError`` for data that is no record of its type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer

from samotop.dns.records import Caa, Mx, Record, Srv, Tlsa


def format_name(name: dns.name.Name) -> str:
    """A name in lower case, without the dot at its end; the root is the empty string."""
    return name.to_text(omit_final_dot=True).lower() if len(name.labels) > 1 else ""


def _host(rdata: Any) -> str:
    return format_name(rdata.target)


_READERS: Final[dict[str, Callable[[Any], Record]]] = {
    "A": lambda rdata: str(rdata.address),
    "AAAA": lambda rdata: str(rdata.address),
    "CNAME": _host,
    "NS": _host,
    "PTR": _host,
    "TXT": lambda rdata: b"".join(rdata.strings),
    "MX": lambda rdata: Mx(rdata.preference, format_name(rdata.exchange)),
    "SRV": lambda rdata: Srv(rdata.priority, rdata.weight, rdata.port, format_name(rdata.target)),
    "TLSA": lambda rdata: Tlsa(rdata.usage, rdata.selector, rdata.mtype, bytes(rdata.cert)),
    "CAA": lambda rdata: Caa(rdata.flags, rdata.tag.decode("ascii", "replace").lower(), bytes(rdata.value)),
}


def read_record(type: str, rdata: dns.rdata.Rdata) -> Record:
    """The value of record data that dnspython has read."""
    reader = _READERS.get(type)
    return str(rdata.to_text()) if reader is None else reader(rdata)


def parse_record(type: str, text: str) -> Record:
    """The value of record data in presentation format (RFC 1035 §5.1). Names are absolute, dot or not.

    A string of a TXT record may be longer than 255 octets, as people write
    keys; it is cut as a name server's tools would cut it.
    """
    try:
        if type == "TXT":
            return b"".join(parse_strings(text))
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, dns.rdatatype.from_text(type), text, origin=dns.name.root, relativize=False
        )
    except (dns.exception.DNSException, ValueError, UnicodeError) as error:
        raise ValueError(f"no {type} record: {text!r} ({error})") from None
    return read_record(type, rdata)


def parse_strings(text: str) -> list[bytes]:
    """The character strings of a TXT record in presentation format, each of any length."""
    tokens = dns.tokenizer.Tokenizer(text)
    strings: list[bytes] = []
    while True:
        token = tokens.get()
        if token.is_eol_or_eof():
            break
        if not (token.is_quoted_string() or token.is_identifier()):
            raise ValueError("a string is missing")
        strings.append(token.unescape_to_bytes().value)
    if not strings:
        raise ValueError('there is no string in it; write "" for an empty one')
    return strings
