"""Postfix as Debian installs it, with a configuration, queue and data folder of its own. Needs root."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.certificates import Made
from tests.fakes.peers.server import DOMAINS, OURS, PEER, MailServer, Ours
from tests.fakes.postfixhome import PostfixHome

SETTINGS = """\
myhostname = {peer}
smtp_connection_cache_on_demand = no
message_size_limit = 30000000

# what it receives
virtual_mailbox_domains = {domains}
virtual_mailbox_maps = regexp:{folder}/etc/mailboxes
virtual_mailbox_limit = 0
smtpd_recipient_restrictions = check_recipient_access regexp:{folder}/etc/access, permit_mynetworks, reject
smtpd_tls_cert_file = {folder}/etc/certificate.pem
smtpd_tls_key_file = {folder}/etc/key.pem
smtpd_tls_security_level = may
smtpd_tls_received_header = yes

# what it sends
transport_maps = inline:{{
    {{ example.org = smtp:[127.0.0.1]:{ours.smtp} }}
    {{ plain.example.org = smtp:[127.0.0.1]:{ours.plain} }}
    {{ login.example.org = smtp:[127.0.0.1]:{ours.submission} }}
    {{ lmtp.example.org = lmtp:inet:127.0.0.1:{ours.lmtp} }} }}
smtp_tls_CAfile = {folder}/etc/root.pem
smtp_tls_security_level = may
smtp_tls_policy_maps = inline:{{
    {{ [127.0.0.1]:{ours.smtp} = secure match={our_name} }}
    {{ [127.0.0.1]:{ours.plain} = none }}
    {{ [127.0.0.1]:{ours.submission} = secure match={our_name} }} }}
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ {{ [127.0.0.1]:{ours.submission} = alice:{ours.password} }} }}
smtp_sasl_security_options = noanonymous
smtp_sasl_tls_security_options = noanonymous
"""

MAILBOXES = "".join(f"/^{name}@/ {name}/\n" for name in ("user", "second", "later", "jörg"))
ACCESS = "/^full@/ 452 4.2.2 no room\n"
LATER = "/^later@/ 450 4.7.1 come back later\n"


class Postfix(MailServer):
    """``needs`` is the fixture of that name: without Postfix the test is skipped. ``more`` is for its main.cf."""

    name = "Postfix"

    def __init__(self, root: Made, needs: Callable[..., str], more: str = "") -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root, to start Postfix")
        program = needs("postfix", package="postfix")
        super().__init__(root)
        # Not below pytest's folder, where nobody but root may go: Postfix changes its user.
        self.folder = Path(tempfile.mkdtemp(prefix="samotop-postfix-"))
        self._home = PostfixHome(self.folder, self.port, program)
        self._more = more

    def start(self, ours: Ours) -> None:
        filled = {"folder": self.folder, "peer": PEER, "our_name": OURS, "domains": " ".join(DOMAINS), "ours": ours}
        self._home.lay_out(SETTINGS.format(**filled) + self._more)
        etc = self._home.etc
        self.certificate.write(etc)
        (etc / "root.pem").write_bytes(self.root_pem)
        (etc / "mailboxes").write_text(MAILBOXES)
        (etc / "access").write_text(ACCESS + LATER)
        self._home.command("start")

    def stop(self) -> None:
        self._home.command("stop", must=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def maildir(self, user: str) -> Path:
        return self.folder / "mail" / user

    def read_log(self) -> str:
        return self._home.read_log()

    def let_in(self) -> None:
        (self._home.etc / "access").write_text(ACCESS)
        self._home.command("reload")
