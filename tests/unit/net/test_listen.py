"""Listeners on real sockets: addresses, options, what is in the way, what is left behind."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from samotop.errors import SetupError
from samotop.net.endpoint import Tcp, Unix
from samotop.net.listen import Listener, bind_sockets, open_listener


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def say(port_or_path: int | str, octets: bytes = b"hello") -> bytes:
    """Connect, say, hear it back; the connection's end is the caller's proof that it was served."""
    if isinstance(port_or_path, str):
        reader, writer = await asyncio.open_unix_connection(port_or_path)
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_or_path)
    writer.write(octets)
    heard = await reader.readexactly(len(octets))
    writer.close()
    await writer.wait_closed()
    return heard


async def close(listener: Listener) -> None:
    listener.close()
    await listener.wait_closed()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_port_0_tells_the_port_it_got(run: Any) -> None:
    """Tests and demonstrations need no free port to be guessed."""

    async def go() -> None:
        listener = await open_listener(Tcp("127.0.0.1", 0), Echo)
        assert listener.addresses == (f"127.0.0.1:{listener.ports[0]}",)
        assert listener.ports[0] > 0
        assert await say(listener.ports[0]) == b"hello"
        await close(listener)

    run(go())


def test_a_closed_listener_refuses_and_its_sessions_go_on(run: Any) -> None:
    """A graceful stop lets transactions finish; closing twice is no fault."""

    async def go() -> None:
        listener = await open_listener(Tcp("127.0.0.1", 0), Echo)
        port = listener.ports[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"1")
        assert await reader.readexactly(1) == b"1"
        await close(listener)
        with pytest.raises(ConnectionRefusedError):
            await say(port)
        writer.write(b"2")
        assert await reader.readexactly(1) == b"2"
        writer.close()
        await close(listener)

    run(go())


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6_is_ipv6_alone(run: Any) -> None:
    """So both families can have the port, and no peer appears in a mapped spelling."""

    async def go() -> None:
        six = await open_listener(Tcp("::1", 0), Echo)
        assert six.addresses == (f"[::1]:{six.ports[0]}",)
        await close(six)
        everywhere = await open_listener(Tcp("*", 0), Echo)
        assert {address.rpartition(":")[0] for address in everywhere.addresses} == {"0.0.0.0", "[::]"}
        await close(everywhere)

    run(go())


def test_a_restart_can_have_its_port_again_at_once(run: Any) -> None:
    """Connections in TIME_WAIT hold nothing up."""

    async def go() -> None:
        first = await open_listener(Tcp("127.0.0.1", 0), Echo)
        port = first.ports[0]
        await say(port)
        await close(first)
        second = await open_listener(Tcp("127.0.0.1", port), Echo)
        assert await say(port) == b"hello"
        await close(second)

    run(go())


def test_accepted_sockets_wait_for_no_acknowledgement(run: Any) -> None:
    """A reply is one small segment: Nagle's algorithm would hold it back."""

    async def go() -> None:
        seen: list[int] = []

        class Look(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                raw = transport.get_extra_info("socket")
                with socket.socket(fileno=os.dup(raw.fileno())) as copy:
                    seen.append(copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                transport.close()

        listener = await open_listener(Tcp("127.0.0.1", 0), Look)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.ports[0])
        await reader.read()
        writer.close()
        await close(listener)
        assert seen == [1]

    run(go())


def test_a_port_in_use_is_a_setup_error_with_a_remedy(run: Any) -> None:
    """The operator reads which address, and what to do."""

    async def go() -> None:
        listener = await open_listener(Tcp("127.0.0.1", 0), Echo)
        with pytest.raises(SetupError, match=f"127.0.0.1:{listener.ports[0]}: the address is in use") as caught:
            await open_listener(Tcp("127.0.0.1", listener.ports[0]), Echo)
        assert caught.value.remedy
        await close(listener)

    run(go())


def test_workers_share_a_port_that_both_ask_to_share() -> None:
    """SO_REUSEPORT; without it the second is refused."""
    first = bind_sockets(Tcp("127.0.0.1", 0), reuse_port=True)
    port = first[0].getsockname()[1]
    second = bind_sockets(Tcp("127.0.0.1", port), reuse_port=True)
    with pytest.raises(SetupError):
        bind_sockets(Tcp("127.0.0.1", port))
    for bound in (*first, *second):
        assert not bound.get_inheritable()
        bound.close()


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        (Tcp("192.0.2.1", 0), "does not have the address"),
        (Tcp("no-such-host.invalid", 0), "host name is unknown"),
        (Unix("/no/such/directory/sock"), "directory is missing"),
        (Unix("/proc/sock"), "cannot listen"),
    ],
)
def test_what_cannot_be_bound_is_a_setup_error(endpoint: Tcp | Unix, reason: str) -> None:
    """Nothing is started, and it names the endpoint."""
    with pytest.raises(SetupError, match=reason) as caught:
        bind_sockets(endpoint)
    assert str(endpoint) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody who may not")
def test_a_privileged_port_without_privilege_is_a_setup_error() -> None:
    """The remedy names systemd and the capability."""
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 1023:
        pytest.skip("this machine has no privileged ports")
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            bind_sockets(Tcp("127.0.0.1", 1023))
        except SetupError as error:
            os._exit(0 if "permission denied" in str(error) and "CAP_NET_BIND_SERVICE" in error.remedy else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("mode", [0o660, 0o600, 0o666])
def test_a_unix_socket_has_its_mode_and_goes_with_its_listener(run: Any, tmp_path: Path, mode: int) -> None:
    """Whatever the umask; and nothing is left for the next start."""
    path = tmp_path / "smtp.sock"

    async def go() -> None:
        listener = await open_listener(Unix(str(path)), Echo, mode=mode)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert listener.addresses == (f"unix:{path}",)
        assert listener.ports == ()
        assert await say(str(path)) == b"hello"
        await close(listener)
        assert not path.exists()

    before = os.umask(0o077)
    try:
        run(go())
    finally:
        os.umask(before)


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(run: Any, tmp_path: Path) -> None:
    """A killed server leaves its file; a running one must not lose it."""
    path = tmp_path / "smtp.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))

    async def go() -> None:
        listener = await open_listener(Unix(str(path)), Echo)
        with pytest.raises(SetupError, match="in use"):
            await open_listener(Unix(str(path)), Echo)
        assert await say(str(path)) == b"hello"
        await close(listener)

    run(go())


def test_a_file_of_another_kind_is_never_removed(tmp_path: Path) -> None:
    """A slip in the configuration must not cost somebody's mailbox."""
    path = tmp_path / "mbox"
    path.write_text("mail")
    with pytest.raises(SetupError, match="another kind"):
        bind_sockets(Unix(str(path)))
    assert path.read_text() == "mail"
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError, match="another kind"):
        bind_sockets(Unix(str(path)))


def test_the_socket_of_a_successor_is_left_alone(run: Any, tmp_path: Path) -> None:
    """Who closes late must not take away what has been put in its place."""
    path = tmp_path / "smtp.sock"

    async def go() -> None:
        first = await open_listener(Unix(str(path)), Echo)
        path.unlink()
        second = await open_listener(Unix(str(path)), Echo)
        await close(first)
        assert await say(str(path)) == b"hello"
        await close(second)

    run(go())


def test_sockets_bound_before_are_served(run: Any, tmp_path: Path) -> None:
    """A parent binds, its workers accept: what came between is waiting in the backlog."""
    path = str(tmp_path / "smtp.sock")

    async def go() -> None:
        bound = bind_sockets(Unix(path))
        early = asyncio.create_task(say(path))
        listener = await open_listener(Unix(path), Echo, sockets=bound)
        assert await early == b"hello"
        await close(listener)

    run(go())
