"""Crafted cases: what stands around the tar archive."""

import bz2
import io
import lzma
import struct
import zipfile
import zlib

from crafted_base import Table
from tarcraft import BLOCK, END, brotli_stored, entry, gzip_member, zstd_stored

_table = Table()
_add = _table.add


def _tar_a(kit):
    return kit.file_a() + END


def _tar_b(kit):
    return kit.file_b() + END


def _zip(kit):
    """A zip archive with package.json A; written with a fixed time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("package/package.json"), kit.a)
    return out.getvalue()


def _with_header_crc(member):
    """Puts the CRC-16 of the header (RFC 1952, FHCRC) where it belongs, right before the data."""
    end = member.index(b"comment\0") + len(b"comment\0")
    return member[:end] + struct.pack("<H", zlib.crc32(member[:end]) & 0xFFFF) + member[end:]


class _Bits:
    """Deflate's order of bits: bytes are filled from their lowest bit, Huffman codes come highest bit first."""

    def __init__(self):
        self.bits = []

    def number(self, value, width):
        self.bits += [value >> at & 1 for at in range(width)]

    def code(self, value, width):
        self.bits += [value >> at & 1 for at in reversed(range(width))]

    def symbol(self, value):
        """A literal or length in the fixed code (RFC 1951, 3.2.6)."""
        first, code, width = next(row for row in ((280, 0xC0, 8), (256, 0, 7), (144, 0x190, 9), (0, 0x30, 8)) if value >= row[0])
        self.code(code + value - first, width)

    def bytes(self):
        padded = self.bits + [0] * (-len(self.bits) % 8)
        return bytes(sum(bit << at for at, bit in enumerate(padded[i : i + 8])) for i in range(0, len(padded), 8))


def odd_match(files, length, distance):
    """A member with one match, of 258 bytes: its length said by the symbol `length`, its distance of one byte in the usual way, or one of
    24,577 bytes by the symbol `distance`."""
    body = b"x" * 300
    if distance is not None:
        body = bytes(33 + (at * 7 + at // 90) % 90 for at in range(24577))
        body += body[:258]
    data = files + entry("package/x.txt", body) + END
    at = data.index(body) + (len(body) - 258)
    out = _Bits()
    out.number(3, 3)  # the last block, fixed codes
    for value in data[:at]:
        out.symbol(value)
    out.symbol(length)
    if length == 284:
        out.number(31, 5)
    out.code(distance or 0, 5)
    if distance is not None:
        out.number(0, 13)
    for value in data[at + 258 :]:
        out.symbol(value)
    out.symbol(256)
    member = gzip_member(data)
    return member[:10] + out.bytes() + member[-8:]


_add("gz-multi", "two gzip members, A and B with the end", "gz-trailing-data",
     lambda k: gzip_member(k.file_a()) + gzip_member(_tar_b(k)))
_add("gz-multi-eoa", "two gzip members, each a whole archive", "gz-trailing-data",
     lambda k: gzip_member(_tar_a(k)) + gzip_member(_tar_b(k)))
_add("gz-empty-member", "an empty gzip member, then B", "gz-trailing-data",
     lambda k: gzip_member(b"") + gzip_member(_tar_b(k)))
_add("gz-trailing", "garbage after the member", "gz-trailing-data",
     lambda k: gzip_member(_tar_a(k)) + b"\xa5" * 600)
_add("gz-trailing-zero", "zero padding, then a second member with B", "gz-trailing-data",
     lambda k: gzip_member(_tar_a(k)) + bytes(BLOCK) + gzip_member(_tar_b(k)))
_add("gz-badcrc", "a wrong CRC-32", "gz-checksum",
     lambda k: gzip_member(_tar_b(k), crc=zlib.crc32(_tar_b(k)) ^ 1))
_add("gz-badisize", "a wrong size in the trailer", "gz-size",
     lambda k: gzip_member(_tar_b(k), size=len(_tar_b(k)) + BLOCK))
_add("gz-notrailer", "no trailer", "gz-truncated", lambda k: gzip_member(_tar_b(k), trailer=False))
_add("zlib-tar", "a zlib stream", "gz-not-gzip", lambda k: zlib.compress(_tar_b(k), 9))
_add("double-gz", "gzip twice", "tar-block-size", lambda k: gzip_member(gzip_member(_tar_b(k))))
_add("zstd", "zstd", "gz-not-gzip", lambda k: zstd_stored(_tar_b(k)))
_add("tar-zip-polyglot", "the archive with a zip file A behind it, inside the gzip",
     "tar-block-size", lambda k: gzip_member(_tar_b(k) + _zip(k)))

# All clients agree on these.
_add("gz-flags", "a comment and a header CRC in the gzip header", "gz-flags", agreed=True,
     build=lambda k: _with_header_crc(gzip_member(_tar_a(k), flags=0x12, extra=b"comment\0")))
_add("gz-reserved-flag", "a reserved flag", "gz-flags", agreed=True,
     build=lambda k: gzip_member(_tar_a(k), flags=0x80))
_add("plain-tar", "no compression", "gz-not-gzip", _tar_a, agreed=True)
_add("bzip2", "bzip2", "gz-not-gzip", lambda k: bz2.compress(_tar_a(k)), agreed=True)
_add("xz", "xz", "gz-not-gzip", lambda k: lzma.compress(_tar_a(k)), agreed=True)
_add("brotli", "brotli", "gz-not-gzip", lambda k: brotli_stored(_tar_a(k)), agreed=True)
_add("zip", "a zip file", "gz-not-gzip", _zip, agreed=True)

# Not measured on clients, but of the same kind.
_add("gz-name", "a file name in the gzip header, as many packers write", None,
     lambda k: gzip_member(_tar_a(k), flags=8, extra=b"package.tar\0"))
_add("gz-padding", "zero padding after the member: 3 of 2,229 real packages", None,
     lambda k: gzip_member(_tar_a(k)) + bytes(1000))
_add("gz-method", "another compression method", "gz-method",
     lambda k: gzip_member(_tar_a(k))[:2] + b"\x07" + gzip_member(_tar_a(k))[3:])
_add("gz-name-no-end", "a file name without an end", "gz-truncated",
     lambda k: b"\x1f\x8b\x08\x08" + bytes(4) + b"\x02\xffpackage")
_add("gz-header-only", "five bytes of header", "gz-truncated",
     lambda k: gzip_member(_tar_a(k))[:5])
_add("gz-empty", "an empty file", "gz-not-gzip", lambda k: b"")
_add("gz-cut", "the deflate stream is cut off", "gz-deflate",
     lambda k: gzip_member(_tar_a(k))[:60])
_add("gz-flip", "a damaged deflate stream", "gz-deflate",
     lambda k: gzip_member(_tar_a(k))[:10] + b"\xff" + gzip_member(_tar_a(k))[11:])
_add("gz-size-lie", "a trailer that promises 4 GiB", "gz-size",
     lambda k: gzip_member(_tar_a(k), size=0xFFFFFE00))
for _name, _what, _symbols in (
    ("gz-length-286", "a length symbol that deflate does not know: zlib stops, others read it", ((286, None),)),
    ("gz-distance-30", "a distance symbol that deflate does not know", ((285, 30),)),
    ("near-gz-length", "the longest length in its unusual spelling", ((284, None),)),
):
    _add(_name, _what, None if _name.startswith("near") else "gz-deflate",
         lambda k, symbols=_symbols: odd_match(k.file_a(), *symbols[0]))
_add("gz-stored", "a deflate stream without compression", None,
     lambda k: gzip_member(_tar_a(k), level=0))
_add("bomb-ratio", "8 MiB of zeros in a file", "limit-ratio",
     lambda k: gzip_member(k.file_a() + entry("package/zeros", bytes(8 << 20)) + END))
_add("bomb-ratio-padded", "the same, with zeros behind it to lower the ratio", "limit-ratio",
     lambda k: gzip_member(k.file_a() + entry("package/zeros", bytes(8 << 20)) + END)
     + bytes(100_000))


CASES = _table.cases
