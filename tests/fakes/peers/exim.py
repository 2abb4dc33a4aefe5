"""Exim from Debian (exim4-daemon-light), in a jail: ``tests.fakes.peers.jail``."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.certificates import Made
from tests.fakes.peers.jail import Jail
from tests.fakes.peers.server import DOMAINS, LOGIN, OURS, PEER, MailServer, Ours

CONFIG = """\
primary_hostname = {peer}
domainlist local_domains = {domains}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = /srv/spool
log_file_path = /srv/log/%slog
pid_file_path = /srv/exim.pid
message_size_limit = 30M
smtp_accept_max = 50
smtp_accept_max_per_host = 50
smtp_accept_queue_per_connection = 0
rfc1413_query_timeout = 0s
host_lookup =
never_users =
tls_certificate = /srv/tls/certificate.pem
tls_privatekey = /srv/tls/key.pem
tls_advertise_hosts = *
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}} {{}}{{*}}}}
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
chunking_advertise_hosts = *
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
add_environment =
keep_environment =
log_selector = +smtp_protocol_error +tls_certificate_verified +tls_peerdn

begin acl

acl_rcpt:
  defer   message = 450 4.7.1 come back later
          local_parts = later
          domains = +local_domains
          condition = ${{if exists{{/srv/later}}}}
  defer   message = 452 4.2.2 no room
          local_parts = full
          domains = +local_domains
  deny    message = 550 5.1.1 nobody of that name
          domains = +local_domains
          !verify = recipient
  deny    message = 550 5.7.1 log in first
          domains = login.peer.example
          !authenticated = *
  accept  domains = +local_domains
          control = dkim_disable_verify
  accept  hosts = 127.0.0.1
          control = dkim_disable_verify

begin routers

verified:
  driver = manualroute
  domains = example.org
  transport = verified
  route_data = {our_name} byname
  self = send

plain:
  driver = manualroute
  domains = plain.example.org
  transport = plain
  route_data = 127.0.0.1
  self = send

login:
  driver = manualroute
  domains = login.example.org
  transport = login
  route_data = {our_name} byname
  self = send

lmtp:
  driver = manualroute
  domains = lmtp.example.org
  transport = lmtp
  route_data = 127.0.0.1
  self = send

local:
  driver = accept
  domains = +local_domains
  local_parts = user : second : later : jörg
  transport = local

begin transports

verified:
  driver = smtp
  port = {ours.smtp}
  allow_localhost
  hosts_require_tls = *
  tls_verify_certificates = /srv/tls/root.pem
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *

plain:
  driver = smtp
  port = {ours.plain}
  allow_localhost
  hosts_avoid_tls = *

login:
  driver = smtp
  port = {ours.submission}
  allow_localhost
  hosts_require_tls = *
  hosts_require_auth = *
  tls_verify_certificates = /srv/tls/root.pem
  tls_verify_hosts = *
  tls_verify_cert_hostnames = *

lmtp:
  driver = smtp
  protocol = lmtp
  port = {ours.lmtp}
  allow_localhost
  hosts_avoid_tls = *

local:
  driver = appendfile
  maildir_format
  directory = /srv/mail/$local_part_data
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add
  user = Debian-exim

begin retry

* * F,1h,1m

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{ {{eq{{$auth2}}{{{login}}}}} {{eq{{$auth3}}{{{password}}}}} }}}}
  server_set_id = $auth2
  client_send = ^alice^{ours.password}
"""


class Exim(MailServer):
    """One daemon; what it delivers it forks for."""

    name = "Exim"

    def __init__(self, root: Made) -> None:
        self._jail = Jail("/usr/sbin/exim4", "exim4-daemon-light")
        super().__init__(root)

    def start(self, ours: Ours) -> None:
        jail = self._jail
        user = jail.user("Debian-exim")
        for folder in ("/srv/spool", "/srv/log", "/srv/mail"):
            jail.make_folder(folder, user, mode=0o750)
        jail.make_folder("/srv/tls")
        self.certificate.write(jail.outside("/srv/tls"))
        jail.outside("/srv/tls/key.pem").chmod(0o644)  # Exim reads it as its own user
        jail.outside("/srv/tls/root.pem").write_bytes(self.root_pem)
        jail.write("/srv/later", "")
        jail.write("/etc/hosts", f"127.0.0.1 localhost {OURS}\n")
        login, password = LOGIN
        config = CONFIG.format(
            peer=PEER,
            our_name=OURS,
            domains=" : ".join(DOMAINS),
            port=self.port,
            ours=ours,
            login=login,
            password=password,
        )
        jail.write("/etc/exim4/exim4.conf", config, mode=0o640)
        jail.run("/usr/sbin/exim4", "-bV")
        jail.start("/usr/sbin/exim4", "-bdf", "-q1h")

    def stop(self) -> None:
        self._jail.close()

    def maildir(self, user: str) -> Path:
        return self._jail.outside("/srv/mail") / user

    def read_log(self) -> str:
        return self._jail.read_logs("/srv/log/mainlog", "/srv/log/paniclog", "/srv/log/rejectlog")

    def let_in(self) -> None:
        self._jail.outside("/srv/later").unlink()
