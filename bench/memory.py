"""Memory and start-up: what an idle session costs, what a large message costs, how soon the first mail is taken."""

from __future__ import annotations

import resource
import smtplib
import socket
import statistics
import threading
import time

from peers import RECIPIENT, SENDER, Samotop, memory_of


def _pid(server: Samotop) -> int:
    assert server.process is not None, "started"
    return server.process.pid


def idle_sessions(count: int) -> str:
    """Open ``count`` sessions that said EHLO and nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count + 500), hard), hard))
    with Samotop() as server:
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.sendmail(SENDER, RECIPIENT, b"Subject: warm\r\n\r\nwarm\r\n")
        before = memory_of(_pid(server))
        sockets = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", server.port))
            sockets.append(one)
        for one in sockets:
            one.recv(512)
            one.sendall(b"EHLO bench.example.net\r\n")
        for one in sockets:
            one.recv(1024)
        each = (memory_of(_pid(server)) - before) / count
        for one in sockets:
            one.close()
    return f"### {count:,} idle sessions\n\n{each / 1024:.1f} KiB of resident memory each (at most 30 KiB).\n"


def large_message(megabytes: int) -> str:
    """Send one large message and watch the server's memory meanwhile."""
    line = b"x" * 76 + b"\r\n"
    block = line * 1000
    with Samotop(to_maildir=True) as server:
        configuration = server.home / "samotop.toml"
        server.stop()
        text = configuration.read_text()
        configuration.write_text(text.replace("sessions = 20000", 'sessions = 20000\nsize = "200 MB"', 1))
        server.process = None
        server.start_again()
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.sendmail(SENDER, RECIPIENT, b"Subject: warm\r\n\r\nwarm\r\n")
        server.drain()
        before = peak = memory_of(_pid(server))
        is_over = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not is_over.is_set():
                peak = max(peak, memory_of(_pid(server)))
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        begun = time.perf_counter()
        with socket.create_connection(("127.0.0.1", server.port)) as one:
            file = one.makefile("rb")
            file.readline()
            for command in (
                b"HELO bench\r\n",
                b"MAIL FROM:<%s>\r\n" % SENDER.encode(),
                b"RCPT TO:<%s>\r\n" % RECIPIENT.encode(),
                b"DATA\r\n",
            ):
                one.sendall(command)
                file.readline()
            one.sendall(b"Subject: large\r\n\r\n")
            for _ in range(megabytes * 1_000_000 // len(block)):
                one.sendall(block)
            one.sendall(b".\r\n")
            reply = file.readline()
        seconds = time.perf_counter() - begun
        server.drain()
        is_over.set()
        watcher.join()
    if not reply.startswith(b"250"):
        raise AssertionError(f"refused: {reply!r}")
    rise = (peak - before) / 1e6
    return (
        f"### A message of {megabytes} MB, received and delivered\n\n"
        f"Memory rises by {rise:.1f} MB at its peak (at most 20 MB); accepted in {seconds:.2f} s.\n"
    )


def start_up(rounds: int) -> str:
    """From the start of ``samotop serve`` to the 250 for the first message."""
    seconds = []
    for _ in range(rounds):
        server = Samotop(to_maildir=True)
        with server:
            server.stop()
            begun = time.perf_counter()
            server.start_again()
            with smtplib.SMTP("127.0.0.1", server.port) as client:
                client.sendmail(SENDER, RECIPIENT, b"Subject: first\r\n\r\nfirst\r\n")
            seconds.append(time.perf_counter() - begun)
    median = statistics.median(seconds)
    return f"### From `samotop serve` to the first mail accepted\n\n{median:.2f} s (at most 1 s).\n"
