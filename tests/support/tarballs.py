"""Deterministic npm tarballs: the same files always give the same bytes (POSIX ustar, gzip with mtime 0)."""

import base64
import gzip
import hashlib
import json

BLOCK = 512
# The time npm itself stamps on every entry it packs: 1985-10-26T08:15:00Z.
ENTRY_MTIME = 499162500


def as_bytes(content):
    """Text as UTF-8, anything but text and bytes as JSON, the way package.json is usually written."""
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _octal(value, width):
    return f"{value:0{width - 1}o}".encode() + b"\0"


def _split_name(name):
    """Name and prefix fields of a ustar header (POSIX.1-1988, 100 and 155 bytes)."""
    raw = name.encode()
    if len(raw) <= 100:
        return raw, b""
    for cut in range(len(raw) - 100, min(len(raw), 156)):
        if raw[cut : cut + 1] == b"/":
            return raw[cut + 1 :], raw[:cut]
    raise ValueError(f"name does not fit a ustar header: {name}")


def _header(name, size, mode):
    short, prefix = _split_name(name)
    header = bytearray(BLOCK)
    header[0 : len(short)] = short
    header[100:108] = _octal(mode, 8)
    header[108:116] = _octal(0, 8)
    header[116:124] = _octal(0, 8)
    header[124:136] = _octal(size, 12)
    header[136:148] = _octal(ENTRY_MTIME, 12)
    header[156:157] = b"0"
    header[257:265] = b"ustar\x0000"
    header[345 : 345 + len(prefix)] = prefix
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}".encode() + b"\0 "
    return bytes(header)


def tar(files, top="package"):
    """A ustar archive of {path: content}; package.json first, the others by name. A path ending in "*x" is executable."""
    out = bytearray()
    for path in sorted(files, key=lambda name: (name != "package.json", name)):
        body = as_bytes(files[path])
        executable = path.endswith("*x")
        name = path[:-2] if executable else path
        out += _header(f"{top}/{name}", len(body), 0o755 if executable else 0o644)
        out += body + b"\0" * (-len(body) % BLOCK)
    return bytes(out) + b"\0" * (2 * BLOCK)


def tgz(files, top="package"):
    """The tarball `npm publish` would send for {path: content}."""
    return gzip.compress(tar(files, top), compresslevel=9, mtime=0)


def integrity(data):
    """Subresource integrity as `dist.integrity` has it."""
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def shasum(data):
    """`dist.shasum`."""
    return hashlib.sha1(data).hexdigest()
