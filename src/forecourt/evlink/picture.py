"""Whether a file is a PNG picture that can be decoded safely (PNG specification, third edition; RFC 1950).

Theory of operation. A picture comes from an address that somebody else wrote, and is to be shown on a screen. Nothing
is drawn here, but everything is checked on which drawing relies: the signature; that the chunks fill the file, each
with its CRC; the header and what it allows; that no chunk is there which a decoder must know and does not; and the
image data, which is inflated piece by piece into as many bytes as the header announces, never more, with each row's
filter a known one. So a small file that inflates without end, a *picture bomb*, costs one piece beyond its size.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PIXELS_A_SIDE = 4096
MOST_INFLATED_BYTES = 64 * 1024 * 1024
"""What 4096 x 4096 pixels of 32 bits need."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""By colour type: the bit depths that it may have."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type: the samples of a pixel."""
_PALETTE = 3
_GREY = (0, 4)
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of an interlaced picture: first column and row, and the steps between columns and rows."""
_LAST_FILTER = 4
_PIECE_BYTES = 64 * 1024


class PictureRefused(ForecourtError):  # noqa: N818  the word of the domain
    """A file that is no picture to be shown; the text says what was expected and what came."""


class Picture(msgspec.Struct, frozen=True, gc=False):
    """A picture that may be shown."""

    width: int
    """Pixels."""
    height: int
    data: bytes
    """The whole file."""


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filters: int
    interlace: int


class _Rows(NamedTuple):
    """Rows of the same length, one after the other."""

    number: int
    stride: int
    """Bytes of one, with the byte in front that names its filter."""


def check_picture(data: bytes) -> Picture:
    """The picture in a PNG file, all of it checked. Raises `PictureRefused`."""
    chunks = _chunks(data)
    header = _header(next(chunks))
    _check_image_data(_image_data(chunks, header), _rows(header))
    return Picture(header.width, header.height, data)


@lru_cache(maxsize=4)
def known_picture(data: bytes) -> Picture:
    """The picture in a file that has been checked before, one for all stations of a process that have the same.

    Raises `PictureRefused` if not even its header can be read.
    """
    header = _header(next(_chunks(data)))
    return Picture(header.width, header.height, data)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """The chunks by kind and content, until IEND, which ends the file."""
    if not data.startswith(_SIGNATURE):
        raise PictureRefused(f"expected the signature of a PNG file, came {data[: len(_SIGNATURE)]!r}")
    view = memoryview(data)
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        kind = data[at + 4 : at + 8]
        end = at + 8 + length
        if end + 4 > len(data):
            raise PictureRefused(f"expected {length} bytes of {kind!r} and its CRC, came the end of the file")
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(data[end : end + 4]):
            raise PictureRefused(f"expected {kind!r} with a CRC that fits it, came another")
        if kind == b"IEND" and end + 4 != len(data):
            raise PictureRefused(f"expected the end of the file after IEND, came {len(data) - end - 4} bytes more")
        yield kind, view[at + 8 : end]
        at = end + 4
    raise PictureRefused("expected chunks until IEND, came the end of the file")


def _header(chunk: tuple[bytes, memoryview]) -> _Header:
    kind, content = chunk
    if kind != b"IHDR" or len(content) != _HEADER.size:
        raise PictureRefused(f"expected IHDR of {_HEADER.size} bytes, came {kind!r} of {len(content)}")
    header = _Header(*_HEADER.unpack(content))
    if not (0 < header.width <= MOST_PIXELS_A_SIDE and 0 < header.height <= MOST_PIXELS_A_SIDE):
        most = MOST_PIXELS_A_SIDE
        raise PictureRefused(f"expected 1 to {most} pixels each way, came {header.width} x {header.height}")
    if header.depth not in _DEPTHS.get(header.colour, ()):
        raise PictureRefused(f"expected a colour type with its depth, came {header.colour} with {header.depth} bits")
    if header.compression or header.filters or header.interlace not in (0, 1):
        raise PictureRefused(f"expected the known compression, filters and interlace, came {header[4:]}")
    return header


def _image_data(chunks: Iterator[tuple[bytes, memoryview]], header: _Header) -> Iterator[memoryview]:
    """The contents of the IDAT chunks. What stands around them is checked on the way."""
    has_palette = has_begun = has_ended = False
    for kind, content in chunks:
        if kind == b"IDAT":
            if has_ended or (header.colour == _PALETTE and not has_palette):
                raise PictureRefused("expected one run of IDAT, after PLTE where there must be one, came another order")
            has_begun = True
            yield content
            continue
        has_ended = has_begun
        if kind == b"IEND":
            if len(content) or not has_begun:
                raise PictureRefused("expected IDAT and then an empty IEND, came another end")
            return
        if kind == b"PLTE":
            if header.colour in _GREY or has_palette or has_begun:
                raise PictureRefused("expected one PLTE before IDAT in a picture with colours, came another")
            if len(content) % 3 or not 0 < len(content) <= 3 * 256:
                raise PictureRefused(f"expected PLTE of 1 to 256 colours, came {len(content)} bytes")
            has_palette = True
        elif kind[:1].isupper() or not kind.isalpha():
            raise PictureRefused(f"expected chunks that every decoder knows, came {kind!r}")


def _rows(header: _Header) -> list[_Rows]:
    """The rows of filtered image data, in order."""
    bits = header.depth * _SAMPLES[header.colour]
    if header.interlace:
        sizes = [
            (-(-(header.width - column) // across), -(-(header.height - row) // down))
            for column, row, across, down in _PASSES
        ]
    else:
        sizes = [(header.width, header.height)]
    rows = [_Rows(high, 1 + (wide * bits + 7) // 8) for wide, high in sizes if wide > 0 and high > 0]
    needed = sum(each.number * each.stride for each in rows)
    if needed > MOST_INFLATED_BYTES:
        raise PictureRefused(f"expected at most {MOST_INFLATED_BYTES} bytes of image data, came {needed}")
    return rows


def _check_image_data(compressed: Iterator[memoryview], rows: list[_Rows]) -> None:
    needed = sum(each.number * each.stride for each in rows)
    filters = _Filters(rows)
    inflater = zlib.decompressobj()
    done = 0
    for content in compressed:
        rest: bytes | memoryview = content
        is_full = True
        while rest or is_full:
            most = min(_PIECE_BYTES, needed - done + 1)
            try:
                piece = inflater.decompress(rest, most)
            except zlib.error as error:
                raise PictureRefused(f"expected image data that inflates, came other: {error}") from error
            done += len(piece)
            if done > needed:
                raise PictureRefused(f"expected {needed} bytes of image data, came more")
            filters.check(piece)
            rest = inflater.unconsumed_tail
            is_full = len(piece) == most
        if inflater.unused_data:
            raise PictureRefused("expected nothing after the image data, came more")
    if done != needed or not inflater.eof:
        raise PictureRefused(f"expected {needed} bytes of image data and their checksum, came {done}")


class _Filters:
    """Looks at the byte in front of every row while the image data go by."""

    def __init__(self, rows: list[_Rows]) -> None:
        self._rows = iter(rows)
        self._stride = 0
        self._left = 0
        """Bytes of the present rows that have not gone by."""
        self._next = 0
        """Bytes until the next filter."""

    def check(self, piece: bytes) -> None:
        """Take the next piece of all the rows. Raises `PictureRefused`."""
        at = 0
        while at < len(piece):
            if not self._left:
                rows = next(self._rows)
                self._stride, self._left, self._next = rows.stride, rows.stride * rows.number, 0
            taken = min(len(piece) - at, self._left)
            found = piece[at + self._next : at + taken : self._stride]
            if found and max(found) > _LAST_FILTER:
                raise PictureRefused(f"expected filters 0 to {_LAST_FILTER}, came {max(found)}")
            self._next += len(found) * self._stride - taken
            self._left -= taken
            at += taken
