"""What an image says of its own making: IPTC's digital source type, in XMP inside the JPEG.

Readers: search engines, social networks and picture editors look for `Iptc4xmpExt:DigitalSourceType`.
Source: IPTC Photo Metadata Standard 2025.1 and the vocabulary at http://cv.iptc.org/newscodes/digitalsourcetype/
(read 2026-11); JPEG embedding after Adobe's XMP Specification Part 3, section 1.1.3.
"""

import zlib
from collections.abc import Iterator
from enum import StrEnum

from likeness.images import PNG_SIGNATURE, jpeg_segments, png_chunks, riff_chunks

SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"

XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
PNG_XMP = b"XML:com.adobe.xmp"
PNG_HEADER_END = 33  # signature, then IHDR with its length, name, 13 bytes and checksum
_SOI, _APP0, _APP1 = b"\xff\xd8", 0xE0, 0xE1

_PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{uri}"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


class SourceType(StrEnum):
    """The codes this project uses, with what each of them states."""

    ALGORITHMICALLY_ENHANCED = "algorithmicallyEnhanced"
    """A photograph that an algorithm cropped, enlarged or sharpened; what it shows is unchanged."""
    COMPOSITE_CAPTURE = "compositeCapture"
    """Put together from several photographs of real life, without a trained network."""
    COMPOSITE_SYNTHETIC = "compositeSynthetic"
    """Put together from several elements, at least one of which is synthetic."""
    COMPOSITE_WITH_TRAINED = "compositeWithTrainedAlgorithmicMedia"
    """Put together with pixels that a trained network drew."""
    TRAINED = "trainedAlgorithmicMedia"
    """Drawn by a trained network."""

    @property
    def uri(self) -> str:
        """The code as a URI, the form XMP and C2PA use."""
        return SCHEME + self.value


def source_type(*, swapped: bool, neural: bool | None, synthetic: bool) -> SourceType:
    """The code of a training image.

    Args:
        swapped: the face was put into another person's photograph.
        neural: a trained network drew it; None, not known, counts as that.
        synthetic: the consent record says that the persona is a synthetic person.
    """
    if swapped and neural is not False:
        return SourceType.COMPOSITE_WITH_TRAINED
    if synthetic:
        return SourceType.COMPOSITE_SYNTHETIC
    return SourceType.COMPOSITE_CAPTURE if swapped else SourceType.ALGORITHMICALLY_ENHANCED


def mark_jpeg(jpeg: bytes, code: SourceType) -> bytes:
    """The same JPEG with an XMP packet naming its digital source type; its pixels are not encoded again.

    An XMP packet already there is replaced: it described an earlier state of the image.
    """
    segments, rest = _segments(jpeg)
    others = [segment for segment in segments if not segment[4:].startswith(XMP_MARK)]
    after_jfif = next((i for i, segment in enumerate(others) if segment[1] != _APP0), len(others))
    payload = XMP_MARK + _packet(code).encode()
    packet = bytes([0xFF, _APP1]) + (len(payload) + 2).to_bytes(2, "big") + payload
    return b"".join([_SOI, *others[:after_jfif], packet, *others[after_jfif:], rest])


def _segments(jpeg: bytes) -> tuple[list[bytes], bytes]:
    """The segments of a JPEG before its first scan, and everything from there on."""
    places = list(jpeg_segments(jpeg))
    return [jpeg[at:end] for at, end in places], jpeg[places[-1][1] if places else len(_SOI) :]


def mark_png(png: bytes, code: SourceType) -> bytes:
    """The same for a PNG without metadata: the packet as an uncompressed iTXt chunk, after the header."""
    body = b"iTXt" + PNG_XMP + b"\0\0\0\0\0" + _packet(code).encode()
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return png[:PNG_HEADER_END] + chunk + png[PNG_HEADER_END:]


def find_code(data: bytes) -> SourceType | None:
    """The code that the XMP of a JPEG, PNG or WebP names, whatever program wrote it; of several, the one that says most of
    trained networks. What stands elsewhere in the file, as in a C2PA statement, is no XMP."""
    packets = b"\0".join(_packets(data))
    return next((code for code in reversed(SourceType) if code.uri.encode() in packets), None)


def _packets(data: bytes) -> Iterator[bytes]:
    if data.startswith(_SOI):
        yield from (one for one in _segments(data)[0] if one[1] == _APP1 and one[4:].startswith(XMP_MARK))
    elif data.startswith(PNG_SIGNATURE):
        texts = (data[at + 8 : end - 4] for name, at, end in png_chunks(data) if name == b"iTXt")
        yield from (body for body in texts if body.startswith(PNG_XMP))
    elif data.startswith(b"RIFF"):
        yield from (body for name, body in riff_chunks(data, 12) if name == b"XMP ")


def _packet(code: SourceType) -> str:
    return _PACKET.format(uri=code.uri)
