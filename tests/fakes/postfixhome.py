"""A Postfix of one's own: Debian's programs and services, with a configuration, queue and data folder apart.

Needs root, as Postfix does. For the tests that talk to it and for the benchmarks alike.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

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
mydestination =
alias_maps =
in_flow_delay = 0
smtpd_client_connection_rate_limit = 0
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
"""


class PostfixHome:
    """``folder`` must be one where users other than root may go; it listens on ``port`` of 127.0.0.1."""

    def __init__(self, folder: Path, port: int, program: str = "postfix") -> None:
        self.folder = folder
        self.etc = folder / "etc"
        self._port = port
        self._program = program

    def lay_out(self, settings: str) -> None:
        """Make the folders and the configuration: what all have in common, then ``settings`` for main.cf."""
        self.folder.chmod(0o755)
        user = pwd.getpwnam("postfix")
        for name in ("etc", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "data", user.pw_uid, -1)
        os.chown(self.folder / "mail", user.pw_uid, user.pw_gid)
        shared = MAIN.format(folder=self.folder, uid=user.pw_uid, gid=user.pw_gid)
        (self.etc / "main.cf").write_text(shared + settings)
        (self.etc / "master.cf").write_text(self._services())

    def command(self, verb: str, *, must: bool = True) -> None:
        """``start``, ``reload`` or ``stop``."""
        words = [self._program, "-c", str(self.etc), verb]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if must and done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr + self.read_log())

    def read_log(self) -> str:
        log = self.folder / "maillog"
        return log.read_text("utf-8", "replace") if log.exists() else ""

    def _services(self) -> str:
        """Debian's master.cf, with our port for 25, and nothing in a chroot: the folder lacks what that would need."""
        found = []
        for line in Path("/etc/postfix/master.cf").read_text().splitlines():
            words = line.split()
            if line[:1].isalnum() and len(words) >= 8:
                if words[:2] == ["smtp", "inet"]:
                    words[0] = f"127.0.0.1:{self._port}"
                words[4] = "n"
                line = " ".join(words)
            found.append(line)
        return "\n".join(found) + "\n"
