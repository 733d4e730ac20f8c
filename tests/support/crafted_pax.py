"""Crafted cases: pax extended headers, alone and mixed with GNU's and Sun's older forms."""

from crafted_base import Table
from tarcraft import BLOCK, GNU, directory, entry, gnu_long, pax, record

_table = Table()
_tar = _table.tar
_agree = _table.agree

PATH = "package/package.json"
README = "package/readme"


def _covering(kit):
    """A file whose body is a whole smuggled entry, so that a reader that believes in size 0 finds B in it."""
    return kit.smuggled()


_tar("pax-dup-path", "two path records: package.json, then readme; B", "pax-duplicate-key",
     lambda k: k.file_a() + pax(("path", PATH), ("path", README)) + k.file_b("package/r2"))
_tar("pax-dup-path2", "two path records: readme, then package.json; B", "pax-duplicate-key",
     lambda k: k.file_a() + pax(("path", README), ("path", PATH)) + k.file_b("package/r2"))
_tar("pax-badlen", "a record with a wrong length, then a good path; B", "pax-malformed",
     lambda k: k.file_a() + pax(raw=b"99 comment=short\n" + record("path", PATH))
     + k.file_b("package/r2"))
_tar("pax-nul", "a path with a NUL in it, B", "pax-value",
     lambda k: k.file_a() + pax(("path", PATH + "\0.txt")) + k.file_b("package/r2"))
_tar("pax-empty-path", "an empty path over package/package.json B", "path-empty",
     lambda k: k.file_a() + pax(("path", "")) + k.file_b())
_tar("pax-global-path", "a global path over package/readme B, then A", "pax-global-key",
     lambda k: pax(("path", PATH), kind=b"g") + k.file_b(README) + k.file_a())
_tar("pax-global-then-A", "A, then a global path over package/readme B", "pax-global-key",
     lambda k: k.file_a() + pax(("path", PATH), kind=b"g") + k.file_b(README))
_tar("pax-sparse-name", "GNU.sparse.name=harmless.txt over package.json B", "pax-key",
     lambda k: k.file_a() + pax(("GNU.sparse.name", "package/harmless.txt")) + k.file_b())
_tar("pax-sparse-name-major", "GNU.sparse 0.1 with name=harmless.txt over package.json B", "pax-key",
     lambda k: k.file_a() + pax(("GNU.sparse.major", "0"), ("GNU.sparse.minor", "1"),
                                ("GNU.sparse.name", "package/harmless.txt"),
                                ("GNU.sparse.size", str(len(k.b))),
                                ("GNU.sparse.map", f"0,{len(k.b)}")) + k.file_b())
_tar("pax-sparse-to", "GNU.sparse.name=package.json over readme B", "pax-key",
     lambda k: k.file_a() + pax(("GNU.sparse.name", PATH)) + k.file_b(README))


def _sparse10(kit):
    """GNU sparse 1.0: the body starts with a block that holds the map, the content follows."""
    sparse_map = f"1\n0\n{len(kit.b)}\n".encode().ljust(BLOCK, b"\0")
    records = pax(("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", PATH),
                  ("GNU.sparse.realsize", str(len(kit.b))))
    return records + entry("package/GNUSparseFile.0/package.json", sparse_map + kit.b)


_tar("pax-sparse10", "a GNU sparse 1.0 map hides the body B", "pax-key", _sparse10)
_tar("pax-size-0", "size=0 over a header whose size covers a smuggled B", "pax-size",
     lambda k: k.file_a() + pax(("size", "0")) + entry("package/r2", _covering(k)))
_tar("pax-size-neg", "size=-1 over a file, then B", "pax-value",
     lambda k: k.file_a() + pax(("size", "-1")) + entry("package/r2", k.index) + k.file_b())
_tar("pax-size-hex", "size=0x400 over a header of size 0, then B", "pax-value",
     lambda k: k.file_a() + pax(("size", hex(len(_covering(k))))) + entry("package/r2")
     + _covering(k))
_tar("pax-size-float", "size='1024.0' over a header of size 0, then B", "pax-value",
     lambda k: k.file_a() + pax(("size", f"{len(_covering(k))}.0")) + entry("package/r2")
     + _covering(k))
_tar("gnu-long-nul", "GNU long name package.json, NUL, junk over readme B", "tar-long-name",
     lambda k: k.file_a() + gnu_long(PATH.encode() + b"\0junk") + k.file_b(README))
_tar("gnu-vs-pax1", "pax path package.json, then GNU long name readme; B", "pax-two-headers",
     lambda k: k.file_a() + pax(("path", PATH)) + gnu_long(README.encode())
     + k.file_b("package/h"))
_tar("gnu-vs-pax2", "GNU long name package.json, then pax path readme; B", "pax-two-headers",
     lambda k: k.file_a() + gnu_long(PATH.encode()) + pax(("path", README))
     + k.file_b("package/h"))
_tar("sun-X", "Sun's type X with a path over readme B", "tar-type",
     lambda k: k.file_a() + pax(("path", PATH), kind=b"X") + k.file_b(README))
_tar("pax-then-dir", "a path for a directory, then B as another file", "path-file-and-directory",
     lambda k: k.file_a() + pax(("path", PATH)) + directory("package/d/") + k.file_b("package/r2"))
_tar("two-pax", "two headers in a row, path and time, over B", "pax-two-headers",
     lambda k: k.file_a() + pax(("path", PATH)) + pax(("mtime", "1")) + k.file_b("package/r2"))
_tar("pax-leading-zero-len", "a record length with leading zeros, then a path; B", "pax-malformed",
     lambda k: k.file_a() + pax(raw=b"0031 path=package/package.json\n") + k.file_b("package/r2"))

# All clients agree on these.
_agree("pax-linkpath-file", "a link path on a file", "pax-key",
       lambda k: pax(("linkpath", README)) + k.file_a())
_agree("pax-path", "A under another name, moved by a path", None,
       lambda k: pax(("path", PATH)) + k.file_a(README))
_agree("pax-path-away", "A, and B moved away by a path", None,
       lambda k: k.file_a() + pax(("path", README)) + k.file_b())
_agree("pax-size-big", "a size larger than the header's", "pax-size",
       lambda k: pax(("size", str(len(k.a) + BLOCK))) + k.file_a() + bytes(BLOCK))
_agree("pax-size-on-gnulong", "a size before a GNU long name", "pax-two-headers",
       lambda k: pax(("size", str(len(k.a)))) + gnu_long(PATH.encode())
       + k.file_a(README, magic=GNU))

CASES = _table.cases
