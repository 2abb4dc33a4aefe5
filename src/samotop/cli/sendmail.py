"""``samotop sendmail``: a drop-in for /usr/sbin/sendmail, for cron, PHP, mutt, git and whoever else calls it.

    samotop sendmail [-t] [-i] [-f SENDER] [-F NAME] [-N DSN] [-R RETURN] [-V ENVID] [--] RECIPIENT... < message

The message goes to the running server of the home, over a listener of its own
that this machine reaches, or to ``--server URL`` or $SAMOTOP_SERVER where the
home is not ours to read. Nothing is queued here: where the server does not run,
or does not take the message now, the exit status is 75 and the caller keeps it.

Flags are those of Postfix's sendmail. What has no meaning here is accepted and
passed over; ``-bp`` lists the queue; ``-bs``, ``-bd`` and other modes that make it a
server are refused. Called as "sendmail" (a link to samotop) it is the same.

Exit status: 0 taken, 1 refused, 2 usage, 75 try again later.
"""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from samotop.cli.outcome import DONE, USAGE

VERB: Final = "sendmail"
SERVER: Final = "SAMOTOP_SERVER"

# Those that nothing reads below have no meaning here, and are passed over.
_FLAGS: Final = "A:B:b:C:d:D:F:f:Gh:iIL:mN:nO:o:p:q:R:r:tUV:vxX:"
_LONG: Final = ["home=", "server=", "help"]
_DONE_MODES: Final = ("i", "I", "v")  # aliases made anew, addresses verified: nothing to be done
_HELP: Final = __doc__ or ""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says. ``takes_dot``: a line with a dot alone is text, not the end."""

    recipients: Sequence[str] = ()
    from_header: bool = False
    takes_dot: bool = False
    sender: str | None = None
    name: str = ""
    notify: str | None = None
    ret: str | None = None
    envelope_id: str | None = None
    mode: str = "m"
    runs_queue: bool = False
    home: str | None = None
    server: str | None = None


def is_called(program: str, words: Sequence[str]) -> list[str] | None:
    """The arguments for us, if it is us that is called: by our verb, or by a link of our name."""
    if words[:1] == [VERB]:
        return list(words[1:])
    if len(words) > 3 and words[0] == "--home" and words[2] == VERB:
        return [*words[:2], *words[3:]]
    if len(words) > 1 and words[0].startswith("--home=") and words[1] == VERB:
        return [words[0], *words[2:]]
    return list(words) if PurePath(program).name == VERB else None


def run_sendmail(words: list[str]) -> int:
    """Run one command line; return the exit status."""
    try:
        flags = read_flags(words)
    except getopt.GetoptError as error:
        print(f"sendmail: {error.msg}\n  samotop sendmail --help", file=sys.stderr)
        return USAGE
    if flags is None:
        print(_HELP, end="")
        return DONE
    if flags.mode == "p":
        from samotop.cli.tree import run

        return run(["queue", "list", *(["--home", flags.home] if flags.home else [])])
    if flags.mode in _DONE_MODES or (flags.runs_queue and not flags.recipients and not flags.from_header):
        return DONE
    if flags.mode != "m":
        print(f"sendmail: there is no mode -b{flags.mode} here; samotop serve is the server", file=sys.stderr)
        return USAGE
    if not flags.recipients and not flags.from_header:
        print("sendmail: to whom? name a recipient, or take them from the message with -t", file=sys.stderr)
        return USAGE
    from samotop.cli.sendmail_submit import submit

    return submit(flags)


def read_flags(words: list[str]) -> Flags | None:
    """Read the command line; ``None`` where help is wanted. Raises ``getopt.GetoptError``."""
    given, recipients = getopt.gnu_getopt(_with_empty_q(words), _FLAGS, _LONG)
    if ("--help", "") in given:
        return None
    last = dict(given)
    paths = [value for flag, value in given if flag in ("-f", "-r")]
    return Flags(
        recipients=recipients,
        from_header="-t" in last,
        takes_dot="-i" in last or ("-o", "i") in given,
        sender=paths[-1] if paths else None,
        name=last.get("-F", ""),
        notify=last.get("-N"),
        ret=last.get("-R"),
        envelope_id=last.get("-V"),
        mode=last.get("-b") or "m",
        runs_queue="-q" in last,
        home=last.get("--home"),
        server=last.get("--server", os.environ.get(SERVER)),
    )


def _with_empty_q(words: list[str]) -> list[str]:
    """``-q`` may stand alone, and takes nothing from the next word."""
    end = words.index("--") if "--" in words else len(words)
    return ["-q0" if word == "-q" and number < end else word for number, word in enumerate(words)]
