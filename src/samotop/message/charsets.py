"""Octets to text by the name of a character set, for viewing (RFC 2045 §5.1, RFC 2046 §4.1.2).

Only character sets that mail is written in are known, each by the names that
programs give it. Unknown names and none at all mean UTF-8 if that fits, else
Windows-1252, as every mail program does it; so does ASCII with the eighth bit
set. What does not decode becomes U+FFFD. Names from strangers are looked up
in a table and nowhere else: nothing is imported or opened for them.

Takes linear time. Raises nothing.
"""

from __future__ import annotations

import re
from encodings.aliases import aliases
from typing import Final

_NAMES: Final = """
    ascii utf_8 utf_7 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le latin_1
    iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10 iso8859_11
    iso8859_13 iso8859_14 iso8859_15 iso8859_16
    cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
    cp437 cp720 cp737 cp775 cp850 cp852 cp855 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874
    koi8_r koi8_u koi8_t kz1048 ptcp154 tis_620
    mac_cyrillic mac_greek mac_iceland mac_latin2 mac_roman mac_turkish hp_roman8
    big5 big5hkscs cp950 gb2312 gbk gb18030 hz
    euc_jp euc_jis_2004 euc_jisx0213 shift_jis shift_jis_2004 shift_jisx0213 cp932
    iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext
    euc_kr cp949 iso2022_kr johab
"""
_KNOWN: Final = frozenset(_NAMES.split())
"""Python's names of what mail may be written in. What is not text to text (``rot13``, ``idna``) must not be here."""

_EXTRA: Final = {
    "ansi-x3.110-1983": "latin_1",
    "iso-8859-8-i": "iso8859_8",
    "iso-8859-8-e": "iso8859_8",
    "gb-2312": "gb18030",
    "gb2312": "gb18030",  # what is sent under this name is GBK or more
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks-c-5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac_cyrillic",
    "unicode-1-1-utf-7": "utf_7",
    "unicode-1-1-utf-8": "utf_8",
    "utf8mb4": "utf_8",
    "x-unknown": "",
    "unknown-8bit": "",
    "default": "",
}


def _make_table() -> dict[str, str]:
    table = {name.replace("_", "-"): name for name in _KNOWN}
    table.update((alias.replace("_", "-"), name) for alias, name in aliases.items() if name in _KNOWN)
    table.update(_EXTRA)
    return table


_TABLE: Final = _make_table()
_C1: Final = re.compile(rb"[\x80-\x9f]")
_HALF: Final = re.compile("[\ud800-\udfff]")


def find_codec(charset: str) -> str:
    """Python's name of a character set, or nothing for one that is not known."""
    name = charset.strip(" \t\"'").lower().replace("_", "-")
    return _TABLE.get(name, "")


def decode_text(octets: bytes, charset: str = "") -> str:
    """The text that ``octets`` are, in a character set as a stranger named it."""
    codec = find_codec(charset) if charset else ""
    if codec in ("", "ascii"):
        return _guess(octets)
    if codec == "latin_1" and _C1.search(octets):
        codec = "cp1252"
    text = octets.decode(codec, "replace")
    return _HALF.sub("\ufffd", text) if codec == "utf_7" else text


def _guess(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")
