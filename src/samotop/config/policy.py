"""``[policy]`` as values: who is checked, and how. What each check refuses, and with which code: docs/policy.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from samotop.config import keys
from samotop.config.keys import Key, choice, count, duration
from samotop.config.places import parse_network
from samotop.net.networks import Network
from samotop.policy.buckets import NO_LIMIT, Rate
from samotop.policy.encrypted import LEVELS
from samotop.policy.rules import PolicyRules

ENFORCING: Final = ("enforce", "observe")
HELLO_MODES: Final = ("off", "ours", "strict")
_RULES: Final = PolicyRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``[policy]``."""

    exempt: Annotated[
        tuple[Network, ...],
        Key(
            keys.NETWORK,
            "Peers without banner wait, DNS, HELO, greylist and rate checks. They are no more trusted for it: what "
            "they may relay says `[relay]`.",
            is_list=True,
        ),
    ] = (parse_network("127.0.0.0/8"), parse_network("::1"))
    banner_wait: Annotated[
        float, Key(duration(), "How long we keep silent at first; who talks meanwhile is refused. `0s`: not at all.")
    ] = 0.0
    dmarc: Annotated[
        str,
        Key(
            choice(*ENFORCING),
            "What the author's domain asks for where a message fails DMARC: `enforce` refuses what it wants rejected, "
            "`observe` only writes it into the message.",
        ),
    ] = "enforce"
    trusted_sealers: Annotated[
        tuple[str, ...],
        Key(
            keys.DOMAIN,
            "Domains of mailing lists and forwarders whose ARC seals we believe: what they found before they changed "
            "a message explains why it fails DMARC now.",
            is_list=True,
        ),
    ] = ()
    authentication_wait: Annotated[
        float,
        Key(
            duration(),
            "How long the end of a message waits for DNS, at most. What has not been answered by then counts as "
            "unknown.",
        ),
    ] = 5.0
    hello: Annotated[
        str,
        Key(
            choice(*HELLO_MODES),
            "Names in EHLO: `ours` refuses who calls itself by our name, our address, or a domain of ours that does "
            "not lead to it; `strict` also what is no fully qualified name or another's address (RFC 5321 §4.1.4 "
            "forbids that; many honest servers are refused); `off` refuses nothing.",
        ),
    ] = "ours"
    pipelining: Annotated[
        str, Key(choice(*ENFORCING), "Who sends on without waiting for our answer to EHLO, or after HELO.")
    ] = "observe"
    require_reverse: Annotated[
        bool, Key(keys.TRUTH, "Refuse clients whose address has no name that leads back to it. Many honest ones.")
    ] = False
    require_tls: Annotated[
        str,
        Key(
            choice(*LEVELS),
            "What TLS strangers' sessions must have for MAIL: `any`, or at least `1.2` or `1.3`. RFC 3207 §4 forbids "
            "it to a server that the world writes to. For one listener, see `[[listen]] tls`; for one owner, "
            "`[mailbox.NAME] require_tls`.",
        ),
    ] = "none"
    spf: Annotated[
        str,
        Key(
            choice(*ENFORCING),
            "Where the reverse-path's domain says that the client does not send for it: `enforce` refuses (what is "
            "forwarded, too), `observe` leaves it to DMARC and tells the owner.",
        ),
    ] = "observe"
    dnsbl: Annotated[
        tuple[str, ...],
        Key(
            keys.DOMAIN,
            "DNS block lists (RFC 5782) that are asked about each stranger's address, at most 8. They learn who "
            "writes to you.",
            is_list=True,
        ),
    ] = ()
    allow_files: Annotated[
        tuple[str, ...],
        Key(
            keys.TEXT,
            "Files of who is spared what is asked of the unproven, relative to the home: addresses, `@domain`, domains "
            "with all below them, networks, one a line, `#` comments. Taken up when they change. An address or domain "
            "counts where SPF or DKIM proves it.",
            is_list=True,
        ),
    ] = ()
    block_files: Annotated[
        tuple[str, ...], Key(keys.TEXT, "Files like these, of whose mail is not taken.", is_list=True)
    ] = ()
    null_recipients: Annotated[
        int, Key(count(100_000, 0), "Recipients of one notification (null reverse-path); more get 452. 0: no limit.")
    ] = _RULES.null_recipients
    no_bounces: Annotated[
        tuple[str, ...], Key(keys.ADDRESS, "Addresses that send nothing, and take no notifications.", is_list=True)
    ] = ()
    rate_network: Annotated[
        Rate, Key(keys.RATE, "Messages from one network of strangers (/24, /64); more get 450. Each worker counts.")
    ] = NO_LIMIT
    rate_login: Annotated[
        Rate, Key(keys.RATE, "Messages of one login; more get 450. The day's limits are in `[limits]`.")
    ] = NO_LIMIT
    rate_recipient: Annotated[Rate, Key(keys.RATE, "Messages of strangers to one recipient; more get 450.")] = NO_LIMIT
    harvest: Annotated[
        Rate,
        Key(
            keys.RATE,
            "Unknown recipients from one network; more are answered slowly, then with 421. Known ones never are.",
        ),
    ] = _RULES.harvest
    block_types: Annotated[
        tuple[str, ...],
        Key(
            keys.FILE_TYPE,
            "Attachments that are refused, also our own users': endings of file names like `.exe`, and media types.",
            is_list=True,
        ),
    ] = ()
    record: Annotated[
        bool,
        Key(
            keys.TRUTH,
            "Keep what was decided, and from which facts, in the home's `policy/`, for `samotop policy replay`. "
            "Addresses and names are replaced by pseudonyms; no content, subject or time of day finer than a second.",
        ),
    ] = False
    record_for: Annotated[float, Key(duration(3600), "How long that is kept.")] = 7 * 86400.0
