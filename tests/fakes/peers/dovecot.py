"""Dovecot from Debian (dovecot-lmtpd), in a jail: ``tests.fakes.peers.jail``.

It is an LMTP server with Maildirs, over TCP and over a UNIX socket, and an
LMTP client: what it gets for ``@lmtp.example.org`` it hands on to ours.
``full@`` is over its quota, ``later@`` until ``let_in`` too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.fakes.certificates import Made
from tests.fakes.peers.jail import Jail
from tests.fakes.peers.server import PEER, MailServer, Ours

CONFIG = """\
base_dir = /run/dovecot
state_dir = /srv/state
protocols = lmtp
listen = 127.0.0.1
hostname = {peer}
postmaster_address = postmaster@peer.example
log_path = /srv/dovecot.log
mail_debug = no
default_login_user = dovenull
default_internal_user = dovecot
default_internal_group = dovecot
first_valid_uid = 100
mail_location = maildir:~/
mail_plugins = quota
ssl = yes
ssl_cert = </srv/tls/certificate.pem
ssl_key = </srv/tls/key.pem
auth_username_chars =
lmtp_proxy = yes
lmtp_rcpt_check_quota = yes

service lmtp {{
  process_min_avail = 1
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
plugin {{
  quota = maildir:mailbox
  quota_exceeded_message = no room
}}
passdb {{
  driver = passwd-file
  args = /srv/proxied
}}
userdb {{
  driver = passwd-file
  args = username_format=%n /srv/users
}}
"""


class Dovecot(MailServer):
    """``socket`` is the path of its UNIX socket, short enough for one."""

    name = "Dovecot"
    is_lmtp = True

    def __init__(self, root: Made) -> None:
        self._jail = Jail("/usr/lib/dovecot/lmtp", "dovecot-lmtpd")
        super().__init__(root)
        self._short = tempfile.TemporaryDirectory(prefix="dovecot")
        link = Path(self._short.name) / "run"
        link.symlink_to(self._jail.outside("/run/dovecot"))
        self.socket = link / "lmtp"

    def start(self, ours: Ours) -> None:
        jail = self._jail
        self._vmail = jail.user("vmail")
        jail.make_folder("/srv/mail", self._vmail)
        jail.make_folder("/srv/tls")
        jail.make_folder("/srv/state")
        self.certificate.write(jail.outside("/srv/tls"))
        self._write_users("*:bytes=1")
        hosts = f"proxy=y host=127.0.0.1 port={ours.lmtp} protocol=lmtp nopassword=y"
        jail.write(
            "/srv/proxied", "".join(f"{name}@lmtp.example.org:{{PLAIN}}::::::{hosts}\n" for name in ("alice", "bob"))
        )
        jail.write("/etc/dovecot/dovecot.conf", CONFIG.format(peer=PEER, port=self.port))
        jail.run("/usr/bin/doveconf", "-n")
        jail.start("/usr/sbin/dovecot", "-F")

    def _write_users(self, later: str) -> None:
        quotas = {
            "user": "*:storage=1G",
            "second": "*:storage=1G",
            "jörg": "*:storage=1G",
            "full": "*:bytes=1",
            "later": later,
        }
        vmail = self._vmail
        found = [
            f"{name}::{vmail}:{vmail}::/srv/mail/{name}::userdb_quota_rule={quota}\n" for name, quota in quotas.items()
        ]
        self._jail.write("/srv/users", "".join(found))

    def stop(self) -> None:
        self._jail.close()
        self._short.cleanup()

    def maildir(self, user: str) -> Path:
        return self._jail.outside("/srv/mail") / user

    def read_log(self) -> str:
        return self._jail.read_logs("/srv/dovecot.log")

    def let_in(self) -> None:
        self._write_users("*:storage=1G")

    def doveadm(self, *words: str) -> str:
        """What Dovecot itself says of a mailbox."""
        return self._jail.run("/usr/bin/doveadm", *words)
