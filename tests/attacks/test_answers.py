"""What a vendor answers: bombs, other formats, lying headers, words for a terminal."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from likeness.caption.text import MAX_LETTERS, compose, one_line
from likeness.caption.vision_answer import is_answer
from likeness.errors import InputError, LikenessError, RejectedError
from likeness.http.responses import MAX_WORDS, clean
from likeness.images import decode_rgb
from likeness.vendors.maxstudio import is_picture


def saved(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 90, np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header promises these pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


EPS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(/tmp/evil) (w) file closefile\n%%EOF\n"
)
NO_PICTURES = {
    "EPS, which Ghostscript would run": EPS, "GIF": saved("GIF"), "TIFF": saved("TIFF"), "BMP": saved("BMP"), "ICO": saved("ICO"),
    "PPM": saved("PPM"), "TGA": saved("TGA"), "PDF": saved("PDF"), "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "HTML": b"<html><script>1</script></html>", "nothing": b"", "text": b"not found", "half a JPEG": saved("JPEG")[:200],
    "half a PNG": saved("PNG")[:45], "a PNG of 30,000 x 30,000": png(30_000, 30_000), "a PNG of 2^31": png(2**31 - 1, 2**31 - 1),
    "a PNG of nothing": png(0, 0), "a PNG bomb": png(20_000, 20_000, bytes(10_000_000)), "a ZIP": b"PK\x03\x04" + bytes(99),
    "a PNG without pixels": png(64, 64), "a pickle": b"\x80\x04\x95cos\nsystem\n",
}  # fmt: skip


@pytest.mark.parametrize("data", NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_sane_picture_is_refused_before_it_is_decoded(data):
    assert not is_picture(data)
    with pytest.raises(InputError) as caught:
        decode_rgb(data, name="the vendor's result")
    assert caught.value.reason == "unreadable"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_formats_that_vendors_deliver_are_read(kind):
    assert is_picture(saved(kind))
    assert decode_rgb(saved(kind)).shape == (8, 8, 3)


WORDS = {
    "a cleared screen": "\x1b[2J\x1b[Hall is well", "a title": "\x1b]0;pwned\x07", "a colour": "\x1b[31mred\x1b[0m", "C1": "\x9b2Jx",
    "a turned name": "photo\u202egpj.exe", "an isolate": "\u2066x\u2069", "a bell": "\x07\x07", "backspaces": "no\x08\x08yes",
    "NUL": "a\x00b", "a line separator": "a\u2028b",
}  # fmt: skip


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_a_vendors_words_do_no_more_than_they_say(words):
    texts = (
        clean(words),
        str(LikenessError(words)),
        RejectedError(f"xAI: {words}").message,
        one_line(words),
        compose("jade", "woman", words),
    )
    for text in texts:
        assert text.isprintable()


def test_a_vendors_words_are_cut():
    assert len(clean("x" * 100_000)) <= MAX_WORDS
    assert len(one_line("x " * 100_000)) <= MAX_LETTERS
    assert len(str(LikenessError("x" * 1_000_000))) < 50_000


@pytest.mark.parametrize(
    "answer",
    [
        "", "{", "[" * 100_000, "{" * 100_000, '{"caption": "x"}', '{"caption": "", "rating": "sfw"}',
        '{"caption": 3, "rating": "sfw"}',
        '{"caption": "x", "rating": "fine"}', '{"caption": "x", "rating": null}', "null", "1e999",
        '{"caption": "\\ud800", "rating": "sfw"}',
    ],
    ids=lambda text: text[:30],
)  # fmt: skip
def test_an_answer_that_is_none_is_told_so(answer):
    assert not is_answer(answer)
