"""The configuration as values: every table of samotop.toml with its keys, defaults and meaning.

Frozen dataclasses. Each field's ``Key`` or ``Table`` is at once the reader of
the file, the text of the reference (docs/configuration.md) and the way back
to TOML. ``app`` makes each package's ``Rules`` of them; nothing below reads
this. Sizes are octets, durations seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from samotop.config import keys
from samotop.config.aliases import AliasTable, ListTable
from samotop.config.companions import Companion
from samotop.config.keys import Key, Table, choice, count, duration, size
from samotop.config.places import parse_listener
from samotop.config.policy import Policy
from samotop.net.endpoint import Endpoint, Inherited, Tcp
from samotop.net.networks import Network
from samotop.policy.encrypted import LEVELS
from samotop.policy.submission import SubmissionRules
from samotop.reception.rules import Rules as ReceptionRules
from samotop.routing.via import Target
from samotop.smtp.rules import Rules
from samotop.tlspolicy.stspolicy import OWN_AGE

CHECKING_PROTOCOLS: Final = ("milter", "checkv2")
"""How other mail servers ask us about messages of theirs."""
PROTOCOLS: Final = ("smtp", "lmtp", "submission", "imap", "web", "metrics", *CHECKING_PROTOCOLS)
TLS_MODES: Final = ("none", "starttls", "required", "implicit")
IMPLICIT_PORTS: Final = (465, 993, 2465, 2993)
"""Ports where TLS begins with the first octet (RFC 8314 §3), and the same with 2000 added, as for trying out."""
WEB_PORTS: Final = (443, 2443)
"""The same for HTTPS."""
UNKNOWN: Final = ("accept", "request", "defer")
BOUNCES: Final = ("hold", "refuse")
DNSSEC: Final = ("auto", "require", "off")
STS_MODES: Final = ("auto", "testing", "enforce", "none")

_SUBMISSION: Final = SubmissionRules()
_RULES: Final = Rules()
_RECEPTION: Final = ReceptionRules()
_MIB: Final = 1024 * 1024
_GIB: Final = 1024 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """One ``[[listen]]``."""

    protocol: Annotated[
        str,
        Key(
            choice(*PROTOCOLS),
            "What is spoken: `smtp` for the world's mail servers, `submission` for our own users, `lmtp` for a mail "
            "server in front of us, `web` for who fetches our MTA-STS policy, `milter` and `checkv2` for mail servers "
            "that ask us about messages of theirs, as a milter and as rspamd ([companions](companions.md)). "
            "`imap` and `metrics` are accepted here already; this release skips them.",
        ),
    ]
    address: Annotated[
        Endpoint,
        Key(
            keys.LISTEN,
            "Where: `host:port`, `[v6]:port`, `*:port` for all addresses, the absolute path of a UNIX socket, `stdio` "
            "(one session), `systemd` or `systemd:NAME` (inherited sockets). Port 0 lets the system choose. "
            "With several `workers` neither port 0 nor inherited sockets can be shared.",
        ),
    ]
    tls: Annotated[
        str,
        Key(
            choice(*TLS_MODES),
            "`none`: never. `starttls`: offered. `required`: nothing but EHLO, NOOP, STARTTLS and QUIT before it. "
            "`implicit`: from the first octet.",
            default="by protocol and address: `smtp` offers it, `submission` and `imap` require it (`implicit` on "
            "ports 465, 993, 2465, 2993), `web` is `implicit` on ports 443 and 2443; everything else, UNIX sockets and "
            "stdio do without",
        ),
    ] = "none"
    proxy: Annotated[
        tuple[Network, ...],
        Key(
            keys.NETWORK,
            "Who may speak the PROXY protocol or XCLIENT, and so tell us another peer's address. From these peers a "
            "PROXY header is expected. With `milter` and `checkv2`: who may ask, beside this machine.",
            is_list=True,
        ),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``[limits]``."""

    size: Annotated[int, Key(size(1, 1024 * _GIB), "A whole message; advertised with SIZE (RFC 1870).")] = _RULES.size
    recipients: Annotated[
        int, Key(count(100_000), "Recipients of one transaction; more get 452 (RFC 5321 §4.5.3.1.8).")
    ] = _RULES.recipients
    sessions: Annotated[
        int,
        Key(count(1_000_000), "Sessions at the same time; more get 421. Each of several `workers` takes its share."),
    ] = _RECEPTION.sessions
    sessions_per_address: Annotated[
        int,
        Key(
            count(1_000_000),
            "Of them from one IP address (one /64 of IPv6); more get 421. Each of several `workers` takes its share, "
            "rounded up.",
        ),
    ] = _RECEPTION.sessions_per_address
    command_line: Annotated[
        int, Key(size(512, 64 * 1024), "A command's line, CRLF included (RFC 5321 §4.5.3.1.4).")
    ] = _RULES.command_line
    auth_line: Annotated[int, Key(size(1024, 64 * 1024), "A line of a login, CRLF included (RFC 4954 §4).")] = (
        _RULES.auth_line
    )
    text_line: Annotated[
        int, Key(size(1000, 16 * _MIB), "A line of content, CRLF included (RFC 5321 §4.5.3.1.6 asks for 1000).")
    ] = _RULES.text_line
    header: Annotated[int, Key(size(16 * 1024, 16 * _MIB), "A message's header section.")] = _RULES.header
    errors: Annotated[int, Key(count(10_000), "Commands with an error of syntax or order before the session ends.")] = (
        _RULES.errors
    )
    junk_commands: Annotated[
        int, Key(count(100_000), "Commands in a row that bring no mail forward before the session ends.")
    ] = _RULES.junk_commands
    commands: Annotated[int, Key(count(10_000_000), "All commands of a session.")] = _RULES.commands
    transactions: Annotated[int, Key(count(1_000_000), "Messages of a session; advertised as MAILMAX (RFC 9422).")] = (
        _RULES.transactions
    )
    messages_per_day: Annotated[
        int, Key(count(1_000_000_000, 0), "Messages of one account and day (UTC); more get 450. 0: no limit.")
    ] = _SUBMISSION.messages
    recipients_per_day: Annotated[
        int,
        Key(count(1_000_000_000, 0), "Different recipients of one account and day (UTC); more get 450. 0: no limit."),
    ] = _SUBMISSION.recipients
    auth_failures: Annotated[int, Key(count(100), "Failed logins before the session ends.")] = _RULES.auth_failures
    greeting_timeout: Annotated[
        float, Key(duration(1), "From the connection to the client's first command, TLS included.")
    ] = _RECEPTION.greeting_timeout
    handshake_timeout: Annotated[float, Key(duration(1), "For a TLS handshake.")] = _RECEPTION.handshake_timeout
    command_timeout: Annotated[
        float, Key(duration(1), "For the next command (RFC 5321 §4.5.3.2.7 asks for 5 minutes).")
    ] = _RECEPTION.command_timeout
    data_timeout: Annotated[
        float, Key(duration(1), "For the next piece of content (RFC 5321 §4.5.3.2.5 asks for 3 minutes).")
    ] = _RECEPTION.data_timeout
    content_timeout: Annotated[float, Key(duration(1), "For a whole content.")] = _RECEPTION.content_timeout
    session_timeout: Annotated[float, Key(duration(1), "For a whole session.")] = _RECEPTION.session_timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """``[dns]``."""

    servers: Annotated[
        tuple[str, ...],
        Key(keys.RESOLVER, "Name servers, `127.0.0.1:5353` or `tls://...`; empty: the system's.", is_list=True),
    ] = ()
    trusted: Annotated[
        bool, Key(keys.TRUTH, "The servers validate DNSSEC, and nobody but us is on the path to them.")
    ] = False
    dnssec: Annotated[
        str,
        Key(
            choice(*DNSSEC),
            "Where the servers are not trusted, we validate ourselves: `auto` goes on unvalidated with servers that "
            "cannot hand signatures on, `require` treats their answers as forged, `off` asks for no signatures.",
        ),
    ] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """``[reports]``."""

    dmarc: Annotated[
        bool,
        Key(
            keys.TRUTH,
            "Tell domains that ask for it, once a day, how many messages in their name we received from which servers, "
            "and whether those were theirs (RFC 9990). No address of a person is told. Failure reports, which would "
            "tell addresses and contents, are never sent.",
        ),
    ] = True
    tls: Annotated[
        bool,
        Key(
            keys.TRUTH,
            "Tell domains that ask for it, once a day, how our connections to their mail servers went: how many were "
            "encrypted as the domain demands, and why the others were not (RFC 8460). No address of a person is told.",
        ),
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """``[consent]``."""

    unknown: Annotated[
        str,
        Key(
            choice(*UNKNOWN),
            "What happens to a correspondent whom the owner does not know: `accept` (no greylisting, nothing held), "
            "`request` (the message waits in the folder Requests; who proves nothing is asked to come back first) or "
            "`defer` (the message waits at its sender). Peers in `[policy] exempt` are not asked about.",
        ),
    ] = "request"
    defer_for: Annotated[
        float,
        Key(duration(60), "With `defer`: after this time the message is taken into Requests, so that none expires."),
    ] = 4 * 3600.0
    bounces: Annotated[
        str,
        Key(
            choice(*BOUNCES),
            "Notifications about mail that the owner has not sent: `hold` takes them into Requests, `refuse` does not "
            "take them.",
        ),
    ] = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """``[relay]``."""

    smarthost: Annotated[
        str,
        Key(
            keys.SERVER,
            "Takes the mail for all remote recipients: `smtp://user:password@host`; without it, MX look-up.",
        ),
    ] = ""
    port: Annotated[
        int, Key(count(65535), "The port of other domains' hosts: 25 everywhere but in a network of one's own.")
    ] = 25
    roots: Annotated[
        str,
        Key(
            keys.TEXT,
            "Authorities to believe instead of the system's when other servers show certificates, PEM; relative to the "
            "home.",
            default="the system's",
        ),
    ] = ""
    trusted: Annotated[
        tuple[Network, ...],
        Key(keys.NETWORK, "Addresses and networks that may relay without a login.", is_list=True),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """``[received]``."""

    submitter_hello: Annotated[
        bool, Key(keys.TRUTH, "What the client of a user who logged in called itself: often a device's name.")
    ] = False
    submitter_address: Annotated[
        bool, Key(keys.TRUTH, "Its IP address: where the user was, to everybody who gets the message.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """``[tls]``."""

    certificate: Annotated[
        Path,
        Key(
            keys.PATH,
            "The certificate with its chain, PEM; relative to the home. Where neither file exists, a self-signed "
            "pair is made at the first start. Replaced files are taken up without a restart.",
        ),
    ] = Path("tls/certificate.pem")
    key: Annotated[Path, Key(keys.PATH, "Its private key, PEM; relative to the home.")] = Path("tls/key.pem")


@dataclass(frozen=True, slots=True, kw_only=True)
class MtaSts:
    """``[mta_sts]``."""

    mode: Annotated[
        str,
        Key(
            choice(*STS_MODES),
            "What our policy asks of senders: `enforce` a verified certificate or no mail, `testing` that they report, "
            "`none` takes a policy back. `auto` enforces once the certificate of `[tls]` is not one of our own making.",
        ),
    ] = "auto"
    mx: Annotated[
        tuple[str, ...],
        Key(
            keys.PATTERN,
            "The hosts of the domains' MX records; the policy names them all.",
            is_list=True,
            default="`hostname` alone",
        ),
    ] = ()
    max_age: Annotated[
        float,
        Key(
            duration(3600),
            "How long senders keep the policy; what is wrong in it lasts as long. Weeks, once it is proven.",
        ),
    ] = float(OWN_AGE)
    certificate: Annotated[
        str,
        Key(
            keys.TEXT,
            "A certificate of its own for the web listeners, PEM; relative to the home. It must name `mta-sts.` with "
            "each of the domains.",
            default="that of `[tls]`",
        ),
    ] = ""
    key: Annotated[str, Key(keys.TEXT, "Its private key, PEM; relative to the home.", default="that of `[tls]`")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """One ``[[rewrite]]``."""

    match: Annotated[str, Key(keys.REGEX, "A regular expression that the whole address matches, in any case.")]
    to: Annotated[str, Key(keys.TEXT, "The address instead; `\\1` is the expression's first group.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One ``[[route]]``."""

    match: Annotated[str, Key(keys.MATCH, "A domain, an address, or a pattern of either; `*` alone is everything.")]
    via: Annotated[
        Target,
        Key(
            keys.VIA,
            "`discard`, `console`, `directory:PATH`, `maildir:PATH`, `mbox:PATH`, `journal:PATH?size=100MB&age=1d`; "
            "`smtp://HOST`, `smtps://HOST`, `lmtp://HOST:PORT`, `lmtp:/PATH`, `child:COMMAND` hand on to another "
            "server. Paths are relative to the home.",
        ),
    ]
    cut_through: Annotated[
        bool,
        Key(
            keys.TRUTH,
            "Ask the next hop while the sender waits: its answers are the sender's, and nothing is stored here.",
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One ``[mailbox.NAME]``."""

    name: str
    owner: Annotated[str, Key(keys.ACCOUNT, "The account whose mailbox it is.", default="the table's own name")] = ""
    addresses: Annotated[tuple[str, ...], Key(keys.ADDRESS, "Addresses, one by one.", is_list=True)] = ()
    smart: Annotated[
        tuple[str, ...],
        Key(keys.SMART, "Patterns: `alice+*@example.org`, `*@alice.example.org`.", is_list=True),
    ] = ()
    domains: Annotated[
        tuple[str, ...], Key(keys.DOMAIN, "Every address of these domains that nobody else claims.", is_list=True)
    ] = ()
    unknown: Annotated[
        str, Key(choice(*UNKNOWN), "As `[consent] unknown`, for this owner.", default="what `[consent]` says")
    ] = ""
    require_tls: Annotated[
        str,
        Key(
            choice(*LEVELS),
            "What TLS strangers' sessions must have to write to this owner: `any`, or at least `1.2` or `1.3`; others "
            "get 550 5.7.10.",
            default="none",
        ),
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of samotop.toml."""

    hostname: Annotated[str, Key(keys.HOSTNAME, "Our name in the greeting and in Received fields.")]
    domains: Annotated[tuple[str, ...], Key(keys.DOMAIN, "The domains whose mail is delivered here.", is_list=True)]
    store: Annotated[
        str,
        Key(keys.STORE, "Where state is kept; `postgresql://...` for several machines comes in a later release."),
    ] = "sqlite"
    workers: Annotated[int, Key(count(256), "Processes that share the ports.")] = 1
    postmaster: Annotated[
        str,
        Key(
            keys.ACCOUNT,
            "Who gets `postmaster@` and `abuse@` of every domain, unless somebody claims the address.",
            default="who gets the domain's unclaimed addresses, else the first `[mailbox.NAME]`'s owner, else the "
            "first account by name",
        ),
    ] = ""
    listeners: Annotated[
        tuple[Listen, ...],
        Table("A listener. Any of them replaces all of the default ones.", Listen, "listen", "[[]]"),
    ] = ()
    limits: Annotated[Limits, Table("What one peer, one session, one message may take.", Limits, "limits")] = Limits()
    policy: Annotated[Policy, Table("Who is checked, and how.", Policy, "policy")] = Policy()
    dns: Annotated[Dns, Table("Whom we ask about names.", Dns, "dns")] = Dns()
    reports: Annotated[Reports, Table("What we report to others.", Reports, "reports")] = Reports()
    consent: Annotated[Consent, Table("Who may write.", Consent, "consent")] = Consent()
    relay: Annotated[Relay, Table("Mail for other servers.", Relay, "relay")] = Relay()
    tls: Annotated[TlsFiles, Table("Certificate and key.", TlsFiles, "tls")] = TlsFiles()
    mta_sts: Annotated[
        MtaSts,
        Table("Our own MTA-STS policy (RFC 8461), which `web` listeners serve for every domain.", MtaSts, "mta_sts"),
    ] = MtaSts()
    received: Annotated[
        Received,
        Table("What the Received field tells of our own users. Of other servers it tells all.", Received, "received"),
    ] = Received()
    rewrites: Annotated[
        tuple[Rewrite, ...],
        Table(
            "Rewritten recipients: in order, the first that matches the whole address replaces it, once.",
            Rewrite,
            "rewrite",
            "[[]]",
        ),
    ] = ()
    routes: Annotated[
        tuple[Route, ...],
        Table(
            "Other places than mailboxes. Before `[relay]` and local delivery; the first match wins.",
            Route,
            "route",
            "[[]]",
        ),
    ] = ()
    companions: Annotated[
        tuple[Companion, ...],
        Table(
            "Other programs that are asked about every message before it is accepted ([companions](companions.md)).",
            Companion,
            "companion",
            "[[]]",
        ),
    ] = ()
    aliases: Annotated[
        tuple[AliasTable, ...],
        Table(
            "Addresses that stand for others ([aliases](aliases.md)). After rewritings and routes, before mailboxes.",
            AliasTable,
            "alias",
            "[[]]",
        ),
    ] = ()
    lists: Annotated[
        tuple[ListTable, ...],
        Table("Small mailing lists: see [aliases](aliases.md).", ListTable, "list", "[[]]"),
    ] = ()
    mailboxes: Annotated[
        tuple[Mailbox, ...],
        Table(
            "What an account owns. An account for which no table claims addresses or patterns owns NAME@ of every "
            "domain.",
            Mailbox,
            "mailbox",
            "[.]",
        ),
    ] = ()


def default_tls(protocol: str, endpoint: Endpoint) -> str:
    """What silence about ``tls`` means: never a password in the clear over a network."""
    if not isinstance(endpoint, (Tcp, Inherited)):
        return "none"
    if protocol == "web":
        return "implicit" if isinstance(endpoint, Tcp) and endpoint.port in WEB_PORTS else "none"
    if protocol in ("submission", "imap"):
        return "implicit" if isinstance(endpoint, Tcp) and endpoint.port in IMPLICIT_PORTS else "required"
    return "starttls" if protocol == "smtp" else "none"


def default_listeners(*, is_root: bool) -> tuple[Listen, ...]:
    """What a file without ``[[listen]]`` means: the well-known ports for root, loopback and 2000 more for others."""
    where = ("*:25", "*:587") if is_root else ("127.0.0.1:2525", "127.0.0.1:2587")
    return (
        Listen(protocol="smtp", address=parse_listener(where[0]), tls="starttls"),
        Listen(protocol="submission", address=parse_listener(where[1]), tls="required"),
    )
