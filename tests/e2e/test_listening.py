"""Where the server listens, besides a port: pipes, UNIX sockets, sockets of systemd; and certificates that change."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.serving import STOP_SECONDS, Home, MakeHome, Served, StartServer, environment, poll
from tests.fakes.talk import Talk, check_stored, message, trusting

Mark = Callable[[], str]

USUAL: Final = 'hostname = "mx.example.org"\ndomains = ["example.org"]\n'
STDIO: Final = USUAL + '[[listen]]\nprotocol = "smtp"\naddress = "stdio"\n'
SYSTEMD: Final = USUAL + '[[listen]]\nprotocol = "smtp"\naddress = "systemd:smtp"\ntls = "none"\n'

SESSION: Final = (
    b"EHLO client.test\r\nMAIL FROM:<sender@client.test>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"
    b"Subject: all at once\r\n\r\nHello\r\n.\r\nQUIT\r\n"
)
CODES: Final = [b"220", b"250", b"250", b"250", b"354", b"250", b"221"]


def codes_of(said: bytes) -> list[bytes]:
    """The codes of replies, without the lines that are continued."""
    return [line[:3] for line in said.splitlines() if line[3:4] != b"-"]


# --- standard input and output ---------------------------------------------------------------------------------------


def serve_stdio(home: Home, **streams: object) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "samotop", "serve", "--home", str(home.path)]
    return subprocess.Popen(words, env=environment(), **streams)  # type: ignore[call-overload,no-any-return]  # any


def test_a_session_over_pipes(make_home: MakeHome) -> None:
    """Nothing but the session is on standard output; when it is over, and its mail delivered, so is the server."""
    home = make_home(STDIO, accounts=["alice"])
    pipe = subprocess.PIPE
    with serve_stdio(home, stdin=pipe, stdout=pipe, stderr=pipe) as server:
        said, noted = server.communicate(SESSION, timeout=60)
    assert server.returncode == 0, noted
    assert codes_of(said) == CODES
    assert b"ready" not in noted and b"listening" not in noted and b"Traceback" not in noted
    assert len(home.mail()) == 1
    received = check_stored(home.mail()[0].read_bytes())
    assert received.startswith("from client.test by mx.example.org with ESMTP id "), "nobody knows from where"
    assert home.queue() == []


def test_a_session_over_a_file(make_home: MakeHome, tmp_path: Path) -> None:
    """``samotop serve < session > replies``: no event loop can wait for a file, and it works all the same."""
    home = make_home(STDIO, accounts=["alice"])
    (tmp_path / "session").write_bytes(SESSION)
    with (tmp_path / "session").open("rb") as source, (tmp_path / "replies").open("wb") as sink:
        with serve_stdio(home, stdin=source, stdout=sink, stderr=subprocess.PIPE) as server:
            _, noted = server.communicate(timeout=60)
    assert server.returncode == 0, noted
    assert codes_of((tmp_path / "replies").read_bytes()) == CODES
    assert len(home.mail()) == 1


def test_a_session_over_an_inherited_connection(make_home: MakeHome) -> None:
    """inetd, or systemd with Accept=yes: one socket is standard input and output; TLS works on it."""
    home = make_home(STDIO.replace('"stdio"', '"stdio"\ntls = "starttls"'), accounts=["alice"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        with socket.create_connection((host, port)) as client:
            accepted, _ = listener.accept()
            with accepted, serve_stdio(home, stdin=accepted, stdout=accepted, stderr=subprocess.PIPE) as server:
                accepted.close()
                client.settimeout(60)
                talk = Talk.__new__(Talk)
                talk.socket, talk._buffer = client, b""
                assert talk.reply().startswith("220")
                assert "STARTTLS" in talk.ehlo()
                talk.start_tls(trusting())
                talk.ehlo()
                assert talk.mail(message("by-inetd"), "alice@example.org").startswith("250")
                assert talk.say("QUIT").startswith("221")
                talk.close()
                _, noted = server.communicate(timeout=60)
    assert server.returncode == 0, noted
    received = check_stored(home.wait_for_mail(1)[0])
    assert received.startswith("from client.test ([127.0.0.1]) by ")
    assert "with ESMTPS" in received


def test_nothing_of_ours_stands_between_the_replies_under_inetd(make_home: MakeHome) -> None:
    """inetd makes the connection standard error, too: notes at the start and log lines would reach the peer."""
    home = make_home(STDIO + '[consent]\nunknown = "request"\n', accounts=["alice"])
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            server = serve_stdio(home, stdin=theirs, stdout=theirs, stderr=theirs)
        ours.settimeout(60)
        ours.sendall(SESSION)
        said = b""
        while octets := ours.recv(4096):
            said += octets
        assert server.wait(60) == 0
    assert codes_of(said) == CODES, said


def test_a_fault_in_the_configuration_is_not_told_to_the_peer(make_home: MakeHome) -> None:
    """Paths and addresses of ours are none of its business; inetd sees the exit status."""
    home = make_home(STDIO + "colour = 1\n", accounts=["alice"])
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            server = serve_stdio(home, stdin=theirs, stdout=theirs, stderr=theirs)
        ours.settimeout(60)
        assert ours.recv(4096) == b""
        assert server.wait(60) == 1


# --- half-closed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["smtp", "lmtp"])
def test_who_says_nothing_more_may_still_read(server: Served, protocol: str) -> None:
    """``printf ... | nc -N``: everything in one write, then end of input; all replies come, then the end."""
    with Talk(server.address(protocol)) as talk:
        talk.send(SESSION if protocol == "smtp" else SESSION.replace(b"EHLO", b"LHLO"))
        talk.socket.shutdown(socket.SHUT_WR)
        assert codes_of(talk.rest()) == CODES[1:]


def test_who_goes_in_the_middle_leaves_nothing(server: Served, mark: Mark) -> None:
    """End of input within a content: no message, and the session is over."""
    marker = mark()
    with Talk(server.address()) as talk:
        talk.ehlo()
        talk.say_all("MAIL FROM:<a@client.test>", "RCPT TO:<alice@example.org>", "DATA")
        talk.send(message(marker))
        talk.socket.shutdown(socket.SHUT_WR)
        assert talk.rest() == b""
    with Talk(server.address()) as talk:
        after = mark()
        talk.ehlo()
        talk.mail(message(after), "alice@example.org")
    server.home.wait_for_one(after.encode())
    assert not any(marker.encode() in path.read_bytes() for path in server.home.mail())


# --- UNIX sockets ----------------------------------------------------------------------------------------------------


def test_a_unix_socket_left_behind_is_replaced(make_home: MakeHome, start_server: StartServer) -> None:
    """kill -9 leaves the socket's file; the next server takes the path over, and removes it when it stops."""
    home = make_home()
    path = home.path / "lmtp.sock"
    start_server(home).kill()
    assert path.is_socket()
    server = start_server(home)
    with Talk(f"unix:{path}") as talk:
        assert talk.say("LHLO client.test").startswith("250")
    assert server.terminate() == 0
    assert not path.exists()


def test_a_file_in_the_place_of_a_unix_socket_stays(make_home: MakeHome) -> None:
    """Only sockets are replaced, never anything else."""
    home = make_home()
    (home.path / "lmtp.sock").write_text("precious")
    assert "there is a file of another kind" in home.run("serve", status=1).stderr
    assert (home.path / "lmtp.sock").read_text() == "precious"


# --- systemd ---------------------------------------------------------------------------------------------------------

ACTIVATE: Final = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="smtp")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def test_a_socket_that_systemd_opened(make_home: MakeHome, start_server: StartServer) -> None:
    """LISTEN_FDS: connections wait while no server runs, and the next server gets them; the socket outlives both."""
    home = make_home(SYSTEMD, accounts=["alice"])
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        host, port = inherited.getsockname()
        for _ in range(2):
            with socket.create_connection((host, port), timeout=30) as early:  # before there is a server
                server = serve_inherited(home, inherited)
                try:
                    assert early.recv(3) == b"220"
                    with Talk(f"{host}:{port}") as talk:
                        talk.ehlo()
                        assert talk.mail(message("activated"), "alice@example.org").startswith("250")
                    server.send_signal(signal.SIGTERM)
                    assert server.wait(STOP_SECONDS) == 0
                finally:
                    server.kill()
                    server.wait()
    home.wait_for_mail(2)


def serve_inherited(home: Home, inherited: socket.socket) -> subprocess.Popen[bytes]:
    """``samotop serve`` with one socket, as systemd would start it."""
    words = [str(inherited.fileno()), "-m", "samotop", "serve", "--home", str(home.path)]
    return subprocess.Popen(
        [sys.executable, "-c", ACTIVATE, *words],
        pass_fds=[inherited.fileno()],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_systemd_that_passed_nothing(make_home: MakeHome) -> None:
    """Started by hand: it says what is missing."""
    home = make_home(SYSTEMD, accounts=["alice"])
    assert "systemd" in home.run("serve", status=1).stderr


# --- certificates ----------------------------------------------------------------------------------------------------


def make_certificate(name: str, folder: Path) -> bytes:
    """Put a new certificate and its key into ``folder`` as a careful program does; the certificate, DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for file, octets in (("key.pem", pem), ("certificate.pem", certificate.public_bytes(encoding))):
        (folder / (file + ".new")).write_bytes(octets)
        os.rename(folder / (file + ".new"), folder / file)
    return certificate.public_bytes(serialization.Encoding.DER)


def shown(talk: Talk) -> bytes | None:
    assert isinstance(talk.socket, ssl.SSLSocket)
    return talk.socket.getpeercert(binary_form=True)


def test_a_replaced_certificate_is_shown_without_a_restart(make_home: MakeHome, start_server: StartServer) -> None:
    """The next session has the new one; a session under way goes on; halves that do not match change nothing."""
    home = make_home()
    server = start_server(home)
    old = Talk(server.address("submission", 1), tls=trusting())
    first = shown(old)

    def next_one() -> bytes | None:
        with Talk(server.address("submission", 1), tls=trusting()) as talk:
            return shown(talk)

    second = make_certificate("second.example.org", home.path / "tls")
    assert first != second
    poll(lambda: next_one() == second, what="the second certificate")
    assert old.ehlo().startswith("250"), "who is connected stays so"
    assert shown(old) == first
    with Talk(server.address()) as talk:
        talk.ehlo()
        talk.start_tls(trusting())
        assert shown(talk) == second, "STARTTLS, too"
    (home.path / "tls" / "certificate.pem").write_text("broken\n")
    server.process.send_signal(signal.SIGHUP)  # at once, not within a second
    poll(lambda: server.events("certificate_failed"), what="a word about it")
    assert next_one() == second, "the old one stays"
    third = make_certificate("third.example.org", home.path / "tls")
    server.process.send_signal(signal.SIGHUP)
    poll(lambda: next_one() == third, what="the third certificate")
    old.close()


def test_the_certificate_that_is_made_outlives_restarts(make_home: MakeHome, start_server: StartServer) -> None:
    """A self-signed one is made once: clients that remembered it are not asked again."""
    home = make_home()
    seen = []
    for _ in range(2):
        server = start_server(home)
        with Talk(server.address("submission", 1), tls=trusting()) as talk:
            seen.append(shown(talk))
        assert server.terminate() == 0
    assert seen[0] == seen[1]
    assert (home.path / "tls" / "key.pem").stat().st_mode & 0o777 == 0o600


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_are_refused(server: Served) -> None:
    """TLS 1.2 is the floor (RFC 9325)."""
    context = trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Talk(server.address("submission", 1), tls=context)
    context = trusting()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Talk(server.address("submission", 1), tls=context) as talk:
        assert talk.ehlo().startswith("250")


def test_plaintext_on_a_tls_port_and_tls_on_a_plain_one(server: Served) -> None:
    """Both end at once, neither with a traceback nor with a wait."""
    with Talk(server.address("submission", 1), greets=False) as talk:
        talk.send(b"EHLO client.test\r\n")
        talk.rest()
    with pytest.raises((ssl.SSLError, OSError)):
        Talk(server.address(), tls=trusting())
    with Talk(server.address()) as talk:
        assert talk.ehlo().startswith("250")
