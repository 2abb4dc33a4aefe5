"""Postfix as Debian installs it, with a configuration, queue and data folder of its own. Needs root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.certificates import Made
from tests.fakes.peers.server import DOMAINS, OURS, PEER, MailServer, Ours

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = {peer}
mydestination =
alias_maps =
in_flow_delay = 0
smtp_connection_cache_on_demand = no
message_size_limit = 30000000

# what it receives
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = regexp:{folder}/etc/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
smtpd_recipient_restrictions = check_recipient_access regexp:{folder}/etc/access, permit_mynetworks, reject
smtpd_tls_cert_file = {folder}/etc/certificate.pem
smtpd_tls_key_file = {folder}/etc/key.pem
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_client_connection_rate_limit = 0

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
    """``needs`` is the fixture of that name: without Postfix the test is skipped."""

    name = "Postfix"

    def __init__(self, root: Made, needs: Callable[..., str]) -> None:
        if os.geteuid() != 0:
            pytest.skip("needs root, to start Postfix")
        self._program = needs("postfix", package="postfix")
        super().__init__(root)
        # Not below pytest's folder, where nobody but root may go: Postfix changes its user.
        self.folder = Path(tempfile.mkdtemp(prefix="samotop-postfix-"))

    def start(self, ours: Ours) -> None:
        self.folder.chmod(0o755)
        user = pwd.getpwnam("postfix")
        for name in ("etc", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "data", user.pw_uid, -1)
        os.chown(self.folder / "mail", user.pw_uid, user.pw_gid)
        etc = self.folder / "etc"
        self.certificate.write(etc)
        (etc / "root.pem").write_bytes(self.root_pem)
        (etc / "mailboxes").write_text(MAILBOXES)
        (etc / "access").write_text(ACCESS + LATER)
        filled = {"folder": self.folder, "peer": PEER, "our_name": OURS, "domains": " ".join(DOMAINS), "ours": ours}
        (etc / "main.cf").write_text(MAIN.format(**filled, uid=user.pw_uid, gid=user.pw_gid))
        (etc / "master.cf").write_text(self._services())
        self._command("start")

    def _services(self) -> str:
        """Debian's master.cf, with our port for 25, and nothing in a chroot: the folder lacks what that would need."""
        found = []
        for line in Path("/etc/postfix/master.cf").read_text().splitlines():
            words = line.split()
            if line[:1].isalnum() and len(words) >= 8:
                if words[:2] == ["smtp", "inet"]:
                    words[0] = f"127.0.0.1:{self.port}"
                words[4] = "n"
                line = " ".join(words)
            found.append(line)
        return "\n".join(found) + "\n"

    def _command(self, verb: str, *, must: bool = True) -> None:
        words = [self._program, "-c", str(self.folder / "etc"), verb]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert not must or done.returncode == 0, done.stdout + done.stderr + self.read_log()

    def stop(self) -> None:
        self._command("stop", must=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def maildir(self, user: str) -> Path:
        return self.folder / "mail" / user

    def read_log(self) -> str:
        log = self.folder / "maillog"
        return log.read_text("utf-8", "replace") if log.exists() else ""

    def let_in(self) -> None:
        (self.folder / "etc" / "access").write_text(ACCESS)
        self._command("reload")
