"""OpenSMTPD from Debian, in a jail: ``tests.fakes.peers.jail``.

It knows neither SMTPUTF8 nor CHUNKING. The one in Debian 12 (6.8) cannot be a
TLS server with OpenSSL 3: every handshake ends with "missing private key"
(OpenSMTPD#1171), and without TLS nobody can log in. So it receives in the
clear; it sends over TLS.
"""

from __future__ import annotations

from pathlib import Path

from tests.fakes.certificates import Made
from tests.fakes.peers.jail import Jail
from tests.fakes.peers.server import DOMAINS, OURS, PEER, MailServer, Ours

CONFIG = """\
table domains {{ {domains} }}
table mailboxes {{ "user" = vmail, "second" = vmail, "later" = vmail }}
table ours {{ alice = "alice:{ours.password}" }}

smtp max-message-size "30M"
listen on 127.0.0.1 port {port} hostname {peer}

action "local" maildir "/srv/mail/%{{rcpt.user}}" virtual <mailboxes>
action "verified" relay host "smtp+tls://{our_name}:{ours.smtp}" helo {peer}
action "plain" relay host "smtp+notls://{our_name}:{ours.plain}" helo {peer}
action "login" relay host "smtp+tls://alice@{our_name}:{ours.submission}" auth <ours> helo {peer}
action "lmtp" relay host "lmtp://{our_name}:{ours.lmtp}" helo {peer}

match from any for domain <domains> action "local"
match from any for domain "example.org" action "verified"
match from any for domain "plain.example.org" action "plain"
match from any for domain "login.example.org" action "login"
match from any for domain "lmtp.example.org" action "lmtp"
"""


class OpenSmtpd(MailServer):
    """Seven processes that trust one another little."""

    name = "OpenSMTPD"

    def __init__(self, root: Made) -> None:
        self._jail = Jail("/usr/sbin/smtpd", "opensmtpd")
        super().__init__(root)

    def start(self, ours: Ours) -> None:
        jail = self._jail
        jail.make_folder("/srv/mail", jail.user("vmail"))
        jail.make_folder("/var/run")
        jail.make_folder("/var/empty", mode=0o711)
        jail.make_folder("/var/spool/smtpd", mode=0o711)
        jail.write("/etc/ssl/certs/ca-certificates.crt", self.root_pem)
        jail.write("/etc/hosts", f"127.0.0.1 localhost {OURS}\n")
        jail.write("/etc/resolv.conf", "nameserver 127.0.0.1\nlookup file\n")
        jail.write("/etc/mailname", PEER + "\n")
        config = CONFIG.format(
            peer=PEER,
            our_name=OURS,
            domains=", ".join(DOMAINS),
            port=self.port,
            ours=ours,
        )
        jail.write("/etc/smtpd.conf", config, mode=0o600)
        jail.run("/usr/sbin/smtpd", "-n")
        jail.start("/usr/sbin/smtpd", "-d", "-v")

    def stop(self) -> None:
        self._jail.close()

    def maildir(self, user: str) -> Path:
        return self._jail.outside("/srv/mail") / user

    def read_log(self) -> str:
        return self._jail.read_logs()

    def let_in(self) -> None:
        raise NotImplementedError("it has no way of putting one recipient off")
