"""Pictures of many kinds, and files that only look like one. The pictures are made here, by the specification."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from forecourt.evlink.picture import MOST_PIXELS_A_SIDE, PictureRefused, check_picture, known_picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16)]
KINDS += [(6, 8), (6, 16)]
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0, *more: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, *(more or (0, 0)), interlace))


def rows(width: int, height: int, depth: int, colour: int, filter_type: int = 0) -> bytes:
    row = bytes([filter_type]) + bytes((width * depth * SAMPLES[colour] + 7) // 8)
    return row * height


def image_data(width: int, height: int, depth: int, colour: int, interlace: int) -> bytes:
    if not interlace:
        return rows(width, height, depth, colour, 4)
    parts = []
    for column, row, across, down in PASSES:
        wide, high = len(range(column, width, across)), len(range(row, height, down))
        if wide and high:
            parts.append(rows(wide, high, depth, colour, 1))
    return b"".join(parts)


def png(
    width: int = 94, height: int = 52, depth: int = 8, colour: int = 2, interlace: int = 0, pieces: int = 1
) -> bytes:
    data = zlib.compress(image_data(width, height, depth, colour, interlace))
    size = -(-len(data) // pieces)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    idats = b"".join(chunk(b"IDAT", data[at : at + size]) for at in range(0, len(data), size))
    return SIGNATURE + header(width, height, depth, colour, interlace) + palette + idats + chunk(b"IEND")


def with_data(data: bytes, width: int = 8, height: int = 8) -> bytes:
    """A picture of 8-bit greys with any compressed data at all."""
    return SIGNATURE + header(width, height, 8, 0) + chunk(b"IDAT", data) + chunk(b"IEND")


GREYS = zlib.compress(rows(8, 8, 8, 0))
HEAD, BODY, END = SIGNATURE + header(8, 8, 8, 0), chunk(b"IDAT", GREYS), chunk(b"IEND")


@pytest.mark.parametrize(("colour", "depth"), KINDS)
@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 3), (5, 9), (94, 52)])
def test_every_kind_of_picture_is_taken(colour: int, depth: int, interlace: int, width: int, height: int) -> None:
    data = png(width, height, depth, colour, interlace)
    picture = check_picture(data)
    assert (picture.width, picture.height, picture.data) == (width, height, data)


@pytest.mark.parametrize("size", [(987, 546), (564, 312), (MOST_PIXELS_A_SIDE, 2), (2, MOST_PIXELS_A_SIDE)])
def test_large_pictures_in_many_pieces_are_taken(size: tuple[int, int]) -> None:
    assert check_picture(png(*size, pieces=7)).width == size[0]


def test_what_a_decoder_may_pass_over_is_passed_over() -> None:
    text = chunk(b"tEXt", b"Title\0Tariff")
    data = HEAD + text + BODY + text + END
    assert check_picture(data).data == data


def test_empty_pieces_of_image_data_are_taken() -> None:
    assert check_picture(HEAD + chunk(b"IDAT") + BODY + chunk(b"IDAT") + END).height == 8


REFUSED = {
    "nothing": (b"", "signature"),
    "another format": (b"GIF89a" + bytes(100), "signature"),
    "line ends changed": (png(94, 52).replace(b"\r\n", b"\n", 1), "signature"),
    "only the signature": (SIGNATURE, "until IEND"),
    "no header": (SIGNATURE + BODY + END, "IHDR"),
    "short header": (SIGNATURE + chunk(b"IHDR", bytes(12)) + BODY + END, "IHDR of 13"),
    "two headers": (HEAD + header(8, 8, 8, 0) + BODY + END, "every decoder knows"),
    "no width": (SIGNATURE + header(0, 8) + BODY + END, "1 to 4096"),
    "no height": (SIGNATURE + header(8, 0) + BODY + END, "1 to 4096"),
    "too wide": (SIGNATURE + header(4097, 8) + BODY + END, "1 to 4096"),
    "too high": (SIGNATURE + header(8, 2**31) + BODY + END, "1 to 4096"),
    "too much in all": (SIGNATURE + header(4096, 4096, 16, 6) + BODY + END, "at most 67108864 bytes"),
    "odd depth": (SIGNATURE + header(8, 8, 3, 0) + BODY + END, "colour type"),
    "odd colour": (SIGNATURE + header(8, 8, 8, 5) + BODY + END, "colour type"),
    "odd compression": (SIGNATURE + header(8, 8, 8, 0, 0, 1, 0) + BODY + END, "compression"),
    "odd filters": (SIGNATURE + header(8, 8, 8, 0, 0, 0, 1) + BODY + END, "filters"),
    "odd interlace": (SIGNATURE + header(8, 8, 8, 0, 2) + BODY + END, "interlace"),
    "wrong crc": (HEAD + BODY[:-1] + bytes([BODY[-1] ^ 1]) + END, "CRC"),
    "cut in a chunk": (HEAD + BODY[:-6], "end of the file"),
    "cut between chunks": (HEAD + BODY, "until IEND"),
    "length beyond the end": (HEAD + b"\xff\xff\xff\xff" + BODY[4:] + END, "end of the file"),
    "bytes behind the end": (HEAD + BODY + END + b"\0", "1 bytes more"),
    "end that holds something": (HEAD + BODY + chunk(b"IEND", b"x"), "empty IEND"),
    "no image data": (HEAD + END, "IDAT and then"),
    "image data in two places": (HEAD + BODY + chunk(b"tEXt") + BODY + END, "one run of IDAT"),
    "unknown chunk that matters": (HEAD + chunk(b"ABCD") + BODY + END, "every decoder knows"),
    "chunk without a name": (HEAD + chunk(b"a\0bc") + BODY + END, "every decoder knows"),
    "no palette": (SIGNATURE + header(8, 8, 8, 3) + BODY + END, "PLTE"),
    "palette of greys": (HEAD + chunk(b"PLTE", bytes(3)) + BODY + END, "one PLTE"),
    "two palettes": (SIGNATURE + header(8, 8) + chunk(b"PLTE", bytes(3)) * 2 + BODY + END, "one PLTE"),
    "half a colour": (SIGNATURE + header(8, 8) + chunk(b"PLTE", bytes(4)) + BODY + END, "256 colours"),
    "too many colours": (SIGNATURE + header(8, 8) + chunk(b"PLTE", bytes(771)) + BODY + END, "256 colours"),
    "no zlib": (with_data(b"tariff"), "inflates"),
    "wrong checksum of the data": (with_data(GREYS[:-1] + bytes([GREYS[-1] ^ 1])), "inflates"),
    "data without checksum": (with_data(GREYS[:-4]), "checksum"),
    "too few data": (with_data(zlib.compress(rows(8, 7, 8, 0))), "expected 72 bytes"),
    "too many data": (with_data(zlib.compress(rows(8, 8, 8, 0) + b"\0")), "came more"),
    "data after data": (with_data(GREYS + b"more"), "nothing after"),
    "unknown filter": (with_data(zlib.compress(rows(8, 7, 8, 0) + rows(8, 1, 8, 0, 5))), "filters 0 to 4"),
}


@pytest.mark.parametrize(("data", "wrong"), REFUSED.values(), ids=REFUSED)
def test_file_that_is_no_picture_is_refused_with_what_was_expected(data: bytes, wrong: str) -> None:
    with pytest.raises(PictureRefused, match=wrong):
        check_picture(data)


def test_picture_bomb_is_refused_before_it_goes_off() -> None:
    """200 MB of zeros in 200 KB, in a picture of 8 x 8."""
    deflater = zlib.compressobj(9)
    bomb = b"".join(deflater.compress(bytes(1_000_000)) for _ in range(200)) + deflater.flush()
    assert len(bomb) < 250_000
    data = with_data(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(PictureRefused, match="came more"):
            check_picture(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@given(some.data())
def test_damaged_picture_is_refused_and_nothing_else_happens(data: some.DataObject) -> None:
    whole = png(20, 11, 8, 6, 1, pieces=3)
    at = data.draw(some.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(some.integers(1, 255))]) + whole[at + 1 :]
    for damaged in (flipped, whole[:at], whole[:at] + whole[at + 1 :]):
        with pytest.raises(PictureRefused, match="expected"):
            check_picture(damaged)


def test_picture_that_is_known_is_one_for_all_who_have_it() -> None:
    one, same = png(30, 20), bytes(bytearray(png(30, 20)))
    assert one is not same
    assert known_picture(one) is known_picture(same)
    with pytest.raises(PictureRefused, match="IEND"):
        known_picture(SIGNATURE)
