"""Tar and gzip parts with every field open to change, for archives that no packer would write
(crafted.py, the differential fuzzer)."""

import struct
import zlib

BLOCK = 512
END = bytes(2 * BLOCK)
USTAR = b"ustar\x0000"
GNU = b"ustar  \x00"
V7 = bytes(8)
MTIME = 499162500


def octal(value, width):
    """Octal digits and a NUL, filling the field."""
    return f"{value:0{width - 1}o}".encode() + b"\0"


def base256(value, width):
    """GNU's binary numbers: the top bit of the first byte set, two's complement behind it."""
    raw = bytearray(value.to_bytes(width, "big", signed=value < 0))
    raw[0] |= 0x80
    return bytes(raw)


def checksum(block, signed=False):
    """The header checksum: the field itself counts as blanks."""
    counted = bytes(block[:148]) + b" " * 8 + bytes(block[156:])
    return sum(struct.unpack("512b", counted)) if signed else sum(counted)


def set_checksum(block):
    block[148:156] = f"{checksum(block):06o}".encode() + b"\0 "


def header(name, size=0, kind=b"0", link=b"", magic=USTAR, prefix=b"", mode=0o644, patch=()):
    """One header block. `name` is text or bytes; `patch` is (offset, bytes) pairs, put in before the checksum is made."""
    raw = name.encode() if isinstance(name, str) else name
    block = bytearray(BLOCK)
    block[0 : len(raw)] = raw
    block[100:108] = octal(mode, 8)
    block[108:116] = octal(0, 8)
    block[116:124] = octal(0, 8)
    block[124:136] = size if isinstance(size, bytes) else octal(size, 12)
    block[136:148] = octal(MTIME, 12)
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257:265] = magic
    block[345 : 345 + len(prefix)] = prefix
    for offset, data in patch:
        block[offset : offset + len(data)] = data
    if len(block) != BLOCK:
        raise ValueError("a field does not fit its header")
    set_checksum(block)
    return bytes(block)


def pad(body):
    return body + bytes(-len(body) % BLOCK)


def entry(name, body=b"", **fields):
    """Header and padded body; a `size` among the fields overrides the true one."""
    return header(name, fields.pop("size", len(body)), **fields) + pad(body)


def directory(name, **fields):
    return entry(name, kind=b"5", mode=0o755, **fields)


def record(key, value):
    """One pax record; its length counts itself."""
    key = key.encode() if isinstance(key, str) else key
    value = value.encode() if isinstance(value, str) else value
    tail = b" " + key + b"=" + value + b"\n"
    size = len(tail) + 1
    while len(str(size)) + len(tail) != size:
        size = len(str(size)) + len(tail)
    return str(size).encode() + tail


def records(pairs):
    return b"".join(record(key, value) for key, value in pairs)


def pax(*pairs, raw=None, kind=b"x", name="PaxHeader/package.json", **fields):
    """An extended header with the given records, or with `raw` as its body."""
    return entry(name, records(pairs) if raw is None else raw, kind=kind, **fields)


def gnu_long(text, kind=b"L"):
    """GNU's long name (L) or long link (K) entry."""
    return entry("././@LongLink", text + b"\0", kind=kind, magic=GNU)


def deflate(data, level=9):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def gzip_member(data, flags=0, extra=b"", crc=None, size=None, trailer=True, level=9):
    """One gzip member (RFC 1952); `extra` are the bytes of the optional fields that `flags` announces."""
    head = bytes([0x1F, 0x8B, 8, flags]) + bytes(4) + b"\x02\xff" + extra
    tail = struct.pack(
        "<II",
        zlib.crc32(data) if crc is None else crc,
        (len(data) if size is None else size) & 0xFFFFFFFF,
    )
    return head + deflate(data, level) + (tail if trailer else b"")


def zstd_stored(data):
    """A zstd frame of raw blocks (RFC 8878): magic, single segment with a 4-byte size, blocks of at most 128 KiB."""
    out = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data))
    chunks = [data[at : at + 131072] for at in range(0, len(data), 131072)] or [b""]
    for number, chunk in enumerate(chunks):
        last = number == len(chunks) - 1
        out += struct.pack("<I", last | len(chunk) << 3)[:3] + chunk
    return out


def brotli_stored(data):
    """A brotli stream of uncompressed meta-blocks (RFC 7932, 9.2), with a window of 16 bits."""
    out = b""
    for at in range(0, len(data), 65536):
        chunk = data[at : at + 65536]
        bits = (len(chunk) - 1) << 3 | 1 << 19
        out += struct.pack("<I", bits << 1 if at == 0 else bits)[:3] + chunk
    return out + b"\x03"
