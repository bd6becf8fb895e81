"""The structure of encoded pictures, as far as it bounds the time that decoding takes."""

import re
from itertools import repeat

MAX_SCANS = 100
# Ordinary files have fewer segments and chunks; Pillow iterates over them in Python.
MAX_SEGMENTS, MAX_CHUNKS = 200, 20_000
_PNG = b"\x89PNG\r\n\x1a\n"
# In a JPEG's data, a byte FF is followed by 00, or by D0-D7, which are restart markers.
# Starting the pattern with a literal byte makes the search twelve times faster; a pattern that
# also matched the fill bytes FF before a marker would take quadratic time.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
_SOI, _SOS, _EOI = b"\xff\xd8", b"\xda", b"\xd9"


def passes(data: bytes) -> int:
    """How many passes over the pixels a decoder makes: for a JPEG its scans, counted up to
    ``MAX_SCANS + 1``; 0 if the structure does not tell.
    """
    if data.startswith(_SOI):
        return _scans(data)
    return int(data.startswith(_PNG) and _few_chunks(data))


def _scans(data: bytes) -> int:
    at, scans = len(_SOI), 0
    for _ in repeat(None, MAX_SEGMENTS + 10 * MAX_SCANS):
        marker = _MARKER.search(data, at)
        if marker is None or marker[1] == _EOI:
            return scans
        begin = marker.start()
        if not scans and (begin - at > MAX_SEGMENTS or data[at:begin].strip(b"\xff")):
            return 0  # Pillow would read the bytes between segments one by one
        scans += marker[1] == _SOS
        if scans > MAX_SCANS:
            return scans
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
    return 0


def _few_chunks(data: bytes) -> bool:
    at = len(_PNG)
    for _ in repeat(None, MAX_CHUNKS):
        if at >= len(data):
            return True
        at += 12 + int.from_bytes(data[at : at + 4])  # length, type, content and checksum
    return False
