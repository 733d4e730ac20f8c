"""Tarballs that are small to send and large to unpack, and others that cost a naive reader dearly. Written as streams: the maker
needs no memory either."""

import gzip
import io
import random

import tarballs

BLOCK = tarballs.BLOCK
MIB = 1 << 20
PACKAGE_JSON = {"name": "bomb", "version": "1.0.0"}


def header(name, size, kind=b"0", mode=0o644):
    """One ustar header."""
    raw = bytearray(BLOCK)
    raw[0 : len(name)] = name
    raw[100:108] = b"%07o\0" % mode
    raw[108:116] = raw[116:124] = b"0000000\0"
    raw[124:136] = b"%011o\0" % size
    raw[136:148] = b"%011o\0" % tarballs.ENTRY_MTIME
    raw[148:156] = b" " * 8
    raw[156:157] = kind
    raw[257:265] = b"ustar\x0000"
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


def entry(name, body, kind=b"0"):
    """Header, body, padding."""
    return header(name, len(body), kind) + body + b"\0" * (-len(body) % BLOCK)


def package_json():
    """The entry every package has."""
    return entry(b"package/package.json", tarballs.as_bytes(PACKAGE_JSON))


def compressed(parts):
    """gzip of the parts and the end of an archive."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as file:
        for part in parts:
            file.write(part)
        file.write(b"\0" * (2 * BLOCK))
    return out.getvalue()


def zeros(size):
    """One file of `size` zeros: about 1,000 times smaller when packed."""

    def parts():
        yield package_json()
        yield header(b"package/zeros", size)
        for _ in range(size // MIB):
            yield b"\0" * MIB

    return compressed(parts())


def sparse(logical=10**12):
    """A GNU sparse entry that says it is `logical` bytes long and holds one."""
    raw = bytearray(header(b"package/sparse", 1, b"S"))
    raw[257:265] = b"ustar  \0"
    raw[345:] = b"\0" * (BLOCK - 345)
    # Old GNU format: one stretch (offset, length) at 386, the real size at 483; large numbers are base 256.
    raw[386:398] = b"%011o\0" % 0
    raw[398:410] = b"%011o\0" % 1
    raw[483:495] = b"\x80" + logical.to_bytes(11, "big")
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return compressed([package_json(), bytes(raw), b"x" + b"\0" * (BLOCK - 1)])


def many_entries(count):
    """`count` empty files with names of their own, hard enough to pack that no ratio gives them away."""
    noise = random.Random(1)

    def parts():
        yield package_json()
        base = bytearray(header(b"package/" + b"0" * 60, 0))
        base[148:156] = b" " * 8
        fixed = sum(base) - 60 * ord("0")
        for first in range(0, count, 1000):
            block = bytearray()
            for index in range(first, min(first + 1000, count)):
                name = b"%08d%052x" % (index, noise.getrandbits(208))
                base[8:68] = name
                base[148:156] = b"%06o\0 " % (fixed + sum(name))
                block += base
            yield bytes(block)

    return compressed(parts())


def deep_json(depth):
    """A package.json of nested arrays."""
    text = b'{"name":"bomb","version":"1.0.0","deep":' + b"[" * depth + b"]" * depth + b"}"
    return compressed([entry(b"package/package.json", text), package_filler()])


def package_filler():
    """Bytes that do not pack: keeps a ratio low."""
    return entry(b"package/filler.bin", random.Random(2).randbytes(64 * 1024))


def long_name(size):
    """A pax header with a path of `size` bytes."""
    value = b"package/" + random.Random(3).randbytes(size // 2).hex().encode()
    record = b" path=" + value + b"\n"
    length = len(record) + len(str(len(record) + 8))
    return compressed([package_json(), entry(b"package/pax", str(length).encode() + record, b"x"), entry(b"package/a", b"a")])


def huge_package_json(size):
    """A valid package.json of `size` bytes that packs only 100:1."""
    noise = random.Random(4)

    def parts():
        start, end = b'{"name":"bomb","version":"1.0.0","x":"', b'"}'
        filler = size - len(start) - len(end)
        yield header(b"package/package.json", size)
        yield start
        while filler:
            line = (noise.randbytes(500).hex().encode() * 100)[:filler]
            filler -= len(line)
            yield line
        yield end + b"\0" * (-size % BLOCK)

    return compressed(parts())


def claimed_pax(size):
    """A pax header that announces `size` bytes and is followed by few."""
    return compressed([package_json(), header(b"package/pax", size, b"x"), b"30 mtime=1700000000.000000000\n".ljust(BLOCK, b"\0")])


def claimed_file(size):
    """The same with a file."""
    return compressed([package_json(), header(b"package/large", size), b"x" * BLOCK])
