"""What a message is made of: media types, charsets, encodings, names and kinds of attachments.

An attachment's first octets are looked at; nothing is unpacked. Raises nothing.
"""

from __future__ import annotations

from samotop.junk.reading import Leaf, View


def find_parts(view: View) -> list[bytes]:
    """Features of the parts."""
    found = [b"part %b at %d" % (type_, min(depth, 3)) for depth, type_ in view.types]
    found.append(b"parts: " + b", ".join(type_ for _, type_ in view.types[:6]))
    found.append(b"number of parts: %d" % len(view.types).bit_length())
    for leaf in view.leaves:
        found += _describe(leaf)
    return found


def _describe(leaf: Leaf) -> list[bytes]:
    found = [
        b"part %b in %b" % (leaf.type, leaf.encoding or b"no encoding"),
        b"part %b of %b" % (leaf.type, leaf.charset or b"no charset"),
    ]
    if leaf.disposition:
        found.append(b"part %b as %b" % (leaf.type, leaf.disposition))
    if leaf.name:
        stem, _, extension = leaf.name.rpartition(b".")
        found += [b"file " + leaf.name[:60], b"file of type " + extension[:10]]
        found.append(b"file %b as %b" % (extension[:10], leaf.type))
        if b"." in stem:
            found.append(b"file of two types %b.%b" % (stem.rpartition(b".")[2][:10], extension[:10]))
    if not leaf.is_text:
        found.append(b"file starts with " + leaf.octets[:4])
    return found
