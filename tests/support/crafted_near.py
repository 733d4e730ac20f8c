"""Crafted cases that come as close to a rule as an archive may: every rule has one that it must not refuse."""

import struct
import zlib

from crafted_base import Table
from tarcraft import BLOCK, END, GNU, directory, entry, gnu_long, gzip_member, octal, pax, record

_table = Table()
_tar = _table.tar
_add = _table.add


def _x(kit, name="package/x.js", body=b"x\n", **fields):
    return kit.file_a() + entry(name, body, **fields)


def _in_blocks(data):
    """One gzip member of several deflate blocks, an empty stored one among them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    half = len(data) // 2
    packed = packer.compress(data[:half]) + packer.flush(zlib.Z_FULL_FLUSH) + packer.compress(data[half:]) + packer.flush()
    return bytes([0x1F, 0x8B, 8, 0]) + bytes(4) + b"\x00\x03" + packed + struct.pack("<II", zlib.crc32(data), len(data))


def _other_header(member):
    """Time, compression hint and system of the gzip header: no reader needs them."""
    return member[:4] + b"\x78\x56\x34\x12\x04\x00" + member[10:]


def _filled(records):
    """`records` and a comment that fills the block."""
    left = BLOCK - len(records)
    return records + record("comment", "c" * (left - len(b"000 comment=\n")))


# Gzip.
_add("near-gz-header", "other time, hint and system in the gzip header", None, lambda k: _other_header(gzip_member(k.file_a() + END)))
_add("near-gz-name-empty", "an empty file name in the gzip header", None,
     lambda k: gzip_member(k.file_a() + END, flags=8, extra=b"\0"))
_add("near-gz-blocks", "several deflate blocks", None, lambda k: _in_blocks(k.file_a() + END))
_add("near-gz-one-zero", "one zero byte after the member", None, lambda k: gzip_member(k.file_a() + END) + b"\0")

# Tar.
_add("near-end-record", "the end padded to tar's record of 20 blocks", None,
     lambda k: gzip_member((k.file_a() + END).ljust(20 * BLOCK, b"\0")))
_add("near-long-end", "a whole record of zeros after the two blocks of the end", None,
     lambda k: gzip_member(k.file_a() + bytes(22 * BLOCK)))
_tar("near-whole-block", "bodies of exactly a block and of a byte less", None,
     lambda k: _x(k, body=b"x" * BLOCK) + entry("package/y.js", b"y" * (BLOCK - 1)))
_tar("near-empty-file", "an empty file", None, lambda k: _x(k, body=b""))
_tar("near-mode", "modes with all ordinary bits, with none, and with those of the file's type", None,
     lambda k: _x(k, mode=0o777) + entry("package/y.js", k.index, mode=0) + entry("package/z.js", k.index, mode=0o100644))
_tar("near-directory-bits", "a directory that passes its group on", None,
     lambda k: k.file_a() + entry("package/d/", kind=b"5", mode=0o2775))
_tar("near-long-name", "a GNU long name whose start is in the header", None,
     lambda k: k.file_a() + gnu_long(b"package/" + b"d" * 100 + b"/x.js") + entry("package/" + "d" * 92, b"x\n", magic=GNU))
_tar("near-link", "a symbolic and a hard link to a file of the package, and one to a folder", None,
     lambda k: _x(k, name="package/lib/x.js") + entry("package/lib/index.js", kind=b"2", link=b"x.js")
     + entry("package/y.js", kind=b"1", link=b"other/lib/x.js") + entry("package/alias", kind=b"2", link=b"./lib"))
_tar("near-bsdtar", "what a file has beside its bytes, as bsdtar and GNU tar write it", None,
     lambda k: pax(("LIBARCHIVE.creationtime", "1700000000.5"), ("SCHILY.fflags", "nodump"), ("SCHILY.xattr.user.x", "y"),
                   ("LIBARCHIVE.xattr.com.apple.provenance", "AQAA"), ("RHT.security.selinux", "u:r:t")) + k.file_a())
_tar("near-gnu", "GNU's kind of header", None, lambda k: _x(k, magic=GNU))
_tar("near-owners", "owner and group with names, device numbers of zero", None,
     lambda k: _x(k, patch=((265, b"root"), (297, b"staff"), (329, octal(0, 8)), (337, octal(0, 8)))))
_tar("near-prefix-155", "a prefix that fills its field", None,
     lambda k: _x(k, name="x.js", prefix=b"package/" + b"d" * 147))
_tar("near-directory-prefix", "a directory with its parent in the prefix", None,
     lambda k: k.file_a() + directory("lib/", prefix=b"package"))

# Pax.
_tar("near-pax-record", "a record of three digits whose value holds '=' and blanks", None,
     lambda k: pax(("comment", "a = b, " * 20)) + k.file_a())
_tar("near-pax-same-key", "the same key before two entries", None,
     lambda k: pax(("mtime", "1")) + k.file_a() + pax(("mtime", "2")) + entry("package/x.js", k.index))
_tar("near-pax-size", "a size that repeats the header's", None, lambda k: pax(("size", str(len(k.a)))) + k.file_a())
_tar("near-pax-directory", "a header before a directory", None,
     lambda k: k.file_a() + pax(("mtime", "1"), name="PaxHeader/lib") + directory("package/lib/"))
_tar("near-pax-one-block", "a UTF-8 path in a header of exactly one block", None,
     lambda k: k.file_a() + pax(raw=_filled(record("path", "package/\u00e9.js")), name="PaxHeader")
     + entry("PaxHeader", k.index))


# Names.
_tar("near-name-odd", "names with blanks, tilde, colon, percent, quotes and dots that mean nothing", None,
     lambda k: k.file_a() + b"".join(entry(f"package/{name}", name.encode()) for name in (
         "a b.js", "~.js", "x~y.js", "file~.js", "ab:c.js", "a%5cb.js", "a%2fb.js", "it's.js", "..x.js", "x..js", ".npmrc", "a+b=c&d.js")))
_tar("near-name-short", "names of one letter", None, lambda k: _x(k, name="package/a") + entry("package/d/b", b"b"))
_tar("near-name-255", "a name of 255 bytes", None,
     lambda k: k.file_a() + pax(("path", "package/" + "n" * 255), name="PaxHeader") + entry("PaxHeader", k.index))
_tar("near-deep", "256 segments", None,
     lambda k: k.file_a() + pax(("path", "package/" + "d/" * 254 + "x"), name="PaxHeader") + entry("PaxHeader", k.index))
_tar("near-top-alone", "the top directory itself, without a slash", None, lambda k: directory("package") + k.file_a())
_tar("near-file-and-directory", "lib, lib.js and lib-a", None,
     lambda k: k.file_a() + entry("package/lib.js", b"1\n") + directory("package/lib/") + entry("package/lib/x.js", b"2\n")
     + entry("package/lib-a", b"3\n"))
_tar("near-directories", "directories right before what lies in them, the top one last", None,
     lambda k: directory("package/lib/") + entry("package/lib/x.js", b"1\n") + directory("package/lib/deep/") + k.file_a()
     + directory("package/"))
_tar("near-package-json-last", "package.json at the very end, others of that name below", None,
     lambda k: entry("package/lib/package.json", b"{}\n") + directory("package/x/package.json.d/") + k.file_a())

_tar("near-yarn-manifest", "the file that yarn 1 keeps its manifest in, in another directory", None,
     lambda k: k.file_a() + entry("package/lib/.yarn-metadata.json", b'{"manifest": ' + k.b + b"}"))

# The rule, and the accepted case that comes closest to it. The limits and the comparison with libarchive: archive_test.
NEAR = {
    "gz-not-gzip": "near-gz-header", "gz-method": "near-gz-header", "gz-flags": "gz-name", "gz-truncated": "near-gz-name-empty",
    "gz-deflate": "near-gz-blocks", "gz-checksum": "gz-stored", "gz-size": "gz-stored", "gz-trailing-data": "near-gz-one-zero",
    "tar-block-size": "near-end-record", "tar-end": "base", "tar-long-end": "near-long-end", "tar-data-after-end": "near-end-record", "tar-checksum": "utf8-path",
    "tar-magic": "near-gnu", "tar-gnu-prefix": "near-gnu", "tar-header-tail": "real-access-times", "tar-number": "real-binary-owner",
    "tar-mode": "near-directory-bits", "tar-linkname": "name-full100", "tar-type": "near-link", "tar-long-name": "near-long-name", "tar-name-tail": "name-nul-junk", "tar-field-tail": "near-owners",
    "tar-device": "near-owners", "tar-truncated": "near-whole-block", "tar-padding": "near-whole-block",
    "tar-directory-size": "near-directory-prefix", "pax-malformed": "near-pax-record", "pax-duplicate-key": "near-pax-same-key",
    "pax-key": "near-bsdtar", "pax-value": "real-times-pax", "pax-size": "near-pax-size", "pax-global-key": "real-git-archive",
    "pax-two-headers": "real-git-archive", "pax-dangling": "near-pax-directory", "pax-path-blocks": "near-pax-one-block",
    "pax-path-form": "real-tar-stream", "pax-path-fallback": "real-utf8-blocks", "path-empty": "near-name-short",
    "path-utf8": "utf8-path", "path-control": "near-name-odd", "path-backslash": "near-name-odd", "path-absolute": "near-name-short",
    "path-drive": "near-name-odd", "path-dot-segment": "dup-same-dot", "path-empty-segment": "real-directories",
    "path-short-name": "near-name-odd", "path-long-name": "near-name-255", "path-depth": "near-deep",
    "path-second-top": "real-other-top", "path-outside-top": "near-top-alone", "path-duplicate": "dup-identical",
    "path-collision": "two-cases-of-directory", "path-file-and-directory": "near-file-and-directory",
    "path-late-directory": "near-directories",
    "path-yarn-manifest": "near-yarn-manifest", "package-json-missing": "near-package-json-last", "package-json-directory": "near-package-json-last",
}

CASES = _table.cases
