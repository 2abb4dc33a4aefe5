"""``samotop policy replay``: recorded decisions under the configuration as it is now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from samotop.cli.flags import Home, Json
from samotop.cli.place import load_checked, open_home
from samotop.cli.show import clean, format_time, print_json
from samotop.config.shapes import Config
from samotop.errors import SetupError

if TYPE_CHECKING:
    from samotop.policy.record import Record
    from samotop.policy.replay import Change, Replay

SHOWN: Final = 20
"""Changes that are printed one by one; --json prints all."""


def replay(
    *files: Annotated[
        Path, Parameter(name="FILE", help="Records; without any, all that there are in the home's policy/.")
    ],
    json: Json = False,
    home: Home = None,
) -> int:
    """Decide what was recorded once more, with samotop.toml as it is now, and print what would change.

    Records are kept where `[policy] record = true`. They name nobody: addresses and names are pseudonyms, and what
    the configuration names is compared in the same disguise. Not decided again: types of attachments, unknown
    recipients, logins, lists, and what owners decide.
    """
    place = open_home(home)
    config = load_checked(place)
    from samotop.store.decisions import FOLDER_NAME, list_files

    paths = list(files) or list_files(place / FOLDER_NAME)
    if not paths:
        raise SetupError("nothing was recorded", remedy="write record = true under [policy], and let some mail come in")
    run = _prepare(config, place)
    bad: list[int] = []
    changes = list(run.run(_records(paths, bad)))
    if json:
        told: dict[str, Any] = {"decisions": run.count, "unreadable": sum(bad)}
        print_json(told | {"changes": [_change_json(one) for one in changes]})
        return 0
    _print_changes(run, changes, sum(bad))
    return 0


def _prepare(config: Config, place: Path) -> Replay:
    from samotop.config.named import read_named
    from samotop.net.networks import in_networks
    from samotop.policy.allowed import Named
    from samotop.policy.pseudonyms import Pseudonyms
    from samotop.policy.replay import Replay, hide_rules
    from samotop.store.secrets import keep_secret
    from samotop.terms import policy_rules

    hide = Pseudonyms(keep_secret(place / "keys" / "record.secret"))
    allowed, blocked = [
        hide.entries(read_named(*(place / one for one in names)).entries)
        for names in (config.policy.allow_files, config.policy.block_files)
    ]
    inside = [hide.network(one) for one in (*config.policy.exempt, *config.relay.trusted)]
    return Replay(
        hide_rules(policy_rules(config), hide), Named(allowed, blocked), lambda address: in_networks(address, inside)
    )


def _records(paths: list[Path], bad: list[int]) -> Iterator[Record]:
    from samotop.policy.record import parse_record
    from samotop.store.decisions import iterate_lines

    try:
        for line in iterate_lines(paths):
            try:
                yield parse_record(line)
            except ValueError:
                bad.append(1)
    except OSError as error:
        raise SetupError(f"{error.filename} cannot be read: {error.strerror}") from None


def _change_json(one: Change) -> dict[str, Any]:
    return {
        "at": one.at,
        "stage": one.stage,
        "before": one.before or None,
        "after": one.after or None,
        "recipients": one.recipients,
    }


def _print_changes(run: Replay, changes: list[Change], bad: int) -> None:
    words = "1 decision" if run.count == 1 else f"{run.count} decisions"
    print(f"{words} replayed, {len(changes)} would change.")
    if bad:
        print(f"{bad} lines are no records of this release, and were passed over.")
    for (before, after), number in Counter((one.before, one.after) for one in changes).most_common():
        print(f"  {number:6}  {_shown(before)} -> {_shown(after)}")
    for one in changes[:SHOWN]:
        print(f"{format_time(one.at)}  {one.stage}: {_shown(one.before)} -> {_shown(one.after)}, for {one.recipients}")
    if len(changes) > SHOWN:
        print(f"and {len(changes) - SHOWN} more; --json prints all")


def _shown(code: str) -> str:
    return clean(code) if code else "passes"
