"""Sizes and durations as people write them: ``"50 MB"``, ``"15m"``.

``parse_`` takes what a person wrote and raises ``BadValue`` with a remedy;
``format_`` writes the shortest text that reads back to the same value.
"""

from __future__ import annotations

import re
from typing import Final

from samotop.config.fault import BadValue
from samotop.policy.buckets import NO_LIMIT, Rate

UNITS: Final[dict[str, int]] = {
    "B": 1,
    "kB": 1000,
    "KiB": 1024,
    "MB": 1000**2,
    "MiB": 1024**2,
    "GB": 1000**3,
    "GiB": 1024**3,
}
"""A decimal unit is a power of 1000 as SI says, a binary one (with an i) a power of 1024."""

SPANS: Final[dict[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

RATE_SPANS: Final[dict[str, float]] = {"s": 1, "m": 60, "h": 3600, "d": 86400}

LONGEST: Final = 366 * 86400.0
"""Seconds of the longest duration that any key means; more is a slip of the unit."""

_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([A-Za-z]*)")
_DURATION: Final = re.compile(r"(?:[0-9]{1,9}(?:ms|s|m|h|d|w))+")
_DURATION_PART: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d|w)")
_RATE: Final = re.compile(r"([0-9]{1,7})\s*/\s*([0-9]{0,4})([smhd])")
_ANY_CASE: Final = {name.lower(): octets for name, octets in UNITS.items()}

_SIZE_REMEDY: Final = 'write octets as a number, or a text such as "50 MB" or "256 KiB"'
_DURATION_REMEDY: Final = 'write a text such as "0s", "30s", "15m", "4h" or "1h30m"'


def parse_size(raw: object) -> int:
    """Octets: a whole number, or a text with a unit of ``UNITS`` in any case."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        if raw < 0:
            raise BadValue("a size cannot be negative", _SIZE_REMEDY)
        return raw
    if not isinstance(raw, str):
        raise BadValue("a size is a number of octets or a text with a unit", _SIZE_REMEDY)
    match = _SIZE.fullmatch(raw.strip())
    octets = _ANY_CASE.get((match[2] or "B").lower()) if match else None
    if match is None or octets is None:
        raise BadValue(f'"{raw}" is not a size', _SIZE_REMEDY)
    return int(float(match[1]) * octets) if "." in match[1] else int(match[1]) * octets


def format_size(octets: int) -> str:
    """``50000000`` as ``"50 MB"``: the largest unit that divides it."""
    best = "B"
    for name, unit in UNITS.items():
        if octets and octets % unit == 0 and unit > UNITS[best]:
            best = name
    return f"{octets // UNITS[best]} {best}"


def parse_duration(raw: object) -> float:
    """Seconds: one or more numbers, each with a unit of ``SPANS``; a number alone could mean anything."""
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        raise BadValue(f"{raw} has no unit", f'write "{raw}s" for seconds, or "15m", "4h"')
    if not isinstance(raw, str):
        raise BadValue("a duration is a text with a unit", _DURATION_REMEDY)
    text = raw.replace(" ", "")
    if not _DURATION.fullmatch(text):
        raise BadValue(f'"{raw}" is not a duration', _DURATION_REMEDY)
    seconds = sum(int(number) * SPANS[unit] for number, unit in _DURATION_PART.findall(text))
    if seconds > LONGEST:
        raise BadValue(f'"{raw}" is more than a year', _DURATION_REMEDY)
    return float(seconds)


def format_duration(seconds: float) -> str:
    """``900.0`` as ``"15m"``; a year is the longest."""
    left = round(seconds * 1000)
    if left == 0:
        return "0s"
    text = ""
    for unit in ("w", "d", "h", "m", "s", "ms"):
        each = round(SPANS[unit] * 1000)
        if left >= each:
            text += f"{left // each}{unit}"
            left %= each
    return text


def parse_rate(raw: object) -> Rate:
    """``"600/h"``, ``"10/5m"``, or ``"off"`` for no limit."""
    remedy = 'write a text such as "600/h", "10/5m" or "off"'
    if raw == "off":
        return NO_LIMIT
    match = _RATE.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if match is None or int(match[1]) == 0 or match[2].strip("0") == "" != match[2]:
        raise BadValue(f'"{raw}" is not a rate', remedy)
    return Rate(int(match[1]), int(match[2] or 1) * RATE_SPANS[match[3]])


def format_rate(rate: Rate) -> str:
    """The shortest text that reads back to the same rate."""
    if not rate:
        return "off"
    unit = max((name for name, span in RATE_SPANS.items() if rate.seconds % span == 0), key=RATE_SPANS.__getitem__)
    number = int(rate.seconds / RATE_SPANS[unit])
    return f"{rate.count}/{number if number > 1 else ''}{unit}"
