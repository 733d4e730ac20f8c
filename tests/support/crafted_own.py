"""Crafted cases found while writing the verifier: one for every way a header, a pax record or a
name can carry something unaccounted for, and some forms that real packages have and that must stay
accepted."""

from crafted_base import Table
from tarcraft import (
    BLOCK,
    END,
    GNU,
    base256,
    directory,
    entry,
    gnu_long,
    gzip_member,
    octal,
    pad,
    pax,
    record,
)

_table = Table()
_tar = _table.tar

README = "package/readme"


def _x(kit, body=b"x\n", name="package/x.js", **fields):
    """A, then one more file with the given fields."""
    return kit.file_a() + entry(name, body, **fields)


def _noise(size):
    """Text that does not compress: the ratio is another case's matter."""
    state, out = 1, []
    for _ in range(size):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        out.append(33 + (state >> 16) % 90)
    return bytes(out)


def _eight_digits(data):
    """The last entry's checksum with leading zeros and without an end."""
    block = bytearray(data)
    at = len(data) - 2 * BLOCK
    digits = bytes(block[at + 148 : at + 154])
    block[at + 148 : at + 156] = b"00" + digits
    return bytes(block)


# Forms of real packages.
_tar("real-no-owner", "empty owners, as npm pack writes", None,
     lambda k: _x(k, patch=((108, bytes(8)), (116, bytes(8)))))
_tar("real-binary-owner", "a large uid in base 256", None,
     lambda k: _x(k, patch=((108, base256(1_896_053_708, 8)),)))
_tar("real-no-time", "an empty time", None, lambda k: _x(k, patch=((136, bytes(12)),)))
_tar("real-access-times", "star's access times behind the prefix", None,
     lambda k: _x(k, name="x.js", prefix=b"package",
                  patch=((476, b"15270440050\0" * 2),)))
_tar("real-directories", "directories with and without a final slash", None,
     lambda k: directory("package/") + directory("package/lib") + k.file_a()
     + entry("package/lib/x.js", k.index))
_tar("real-nodetar-pax", "what node-tar 1 stored about each file", None,
     lambda k: pax(("NODETAR.depth", "1"), ("NODETAR.follow", "false"),
                   ("NODETAR.ignoreFiles.0", ".npmignore")) + k.file_a())
_tar("real-git-archive", "a global comment first, as git archive writes", None,
     lambda k: pax(("comment", "1f" * 20), kind=b"g", name="pax_global_header")
     + pax(("path", "package/package.json")) + k.file_a(README))
_tar("real-tar-stream", "a UTF-8 path over the name PaxHeader, as tar-stream writes", None,
     lambda k: k.file_a() + pax(("path", "package/\u00e9.js"), name="PaxHeader")
     + entry("PaxHeader", k.index))
_tar("real-times-pax", "times, owners and device numbers as other packers write them", None,
     lambda k: pax(("mtime", "1700000000.123456789"), ("atime", "1700000000"), ("ctime", "-1.5"),
                   ("uid", "4000000000"), ("uname", "J\u00f6rg"), ("SCHILY.ino", "123456789012"),
                   ("charset", "ISO-IR 10646 2000 UTF-8")) + k.file_a())
_tar("real-other-top", "another top directory", None,
     lambda k: k.file_a("my-package-1.0.0/package.json"))

# Header bytes.
_tar("file-linkname", "a file with a link name", "tar-linkname", lambda k: _x(k, link=b"package.json"))
_tar("linkname-tail", "a byte in the unused part of the link name", "tar-linkname",
     lambda k: _x(k, patch=((256, b"x"),)))
_tar("header-tail", "bytes after the prefix", "tar-header-tail",
     lambda k: _x(k, patch=((508, b"tar\0"),)))
_tar("owner-tail", "bytes after the end of the owner", "tar-field-tail",
     lambda k: _x(k, patch=((265, b"root\0x"),)))
_tar("group-tail", "bytes after the end of the group", "tar-field-tail",
     lambda k: _x(k, patch=((297, b"root\0x"),)))
_tar("name-nul-newline", "a line break after the end of the name", "tar-name-tail",
     lambda k: k.file_a() + k.file_b("package/package.json\0\n.txt"))
_tar("mode-setuid", "a program that runs as its owner: npm and yarn 1 install it so, others drop the bit", "tar-mode",
     lambda k: _x(k, mode=0o4755))
_tar("mode-sticky", "a sticky file", "tar-mode", lambda k: _x(k, mode=0o1644))
_tar("link-package-json-below", "a symbolic link called package.json in a folder", "tar-type",
     lambda k: k.file_a() + k.file_b("package/d/x.json") + entry("package/d/Package.json", kind=b"2", link=b"x.json"))
_tar("link-out", "a symbolic link out of the package", "tar-type",
     lambda k: _x(k) + entry("package/lib/y.js", kind=b"2", link=b"../../x.js"))
_tar("link-absolute", "a symbolic link to a path of the machine", "tar-type",
     lambda k: k.file_a() + entry("package/y.js", kind=b"2", link=b"/etc/passwd"))
_tar("link-to-nothing", "a symbolic link to what is not there", "tar-type",
     lambda k: k.file_a() + entry("package/y.js", kind=b"2", link=b"x.js"))
_tar("link-to-link", "a symbolic link to another", "tar-type",
     lambda k: _x(k) + entry("package/y.js", kind=b"2", link=b"x.js") + entry("package/z.js", kind=b"2", link=b"y.js"))
_tar("link-to-own-folder", "a symbolic link to a folder that it lies in", "tar-type",
     lambda k: _x(k, name="package/lib/x.js") + entry("package/lib/self", kind=b"2", link=b"../lib"))
_tar("link-hidden", "a symbolic link called .npmrc", "tar-type",
     lambda k: _x(k) + entry("package/.npmrc", kind=b"2", link=b"x.js"))
_tar("link-tail", "a byte after the end of a link's target", "tar-type",
     lambda k: _x(k) + entry("package/y.js", kind=b"2", link=b"x.js\0z"))
_tar("link-twice", "a symbolic link over a file", "tar-type",
     lambda k: _x(k) + entry("package/y.js", b"1\n") + entry("package/y.js", kind=b"2", link=b"x.js"))
_tar("long-name-dangling", "a GNU long name at the end", "pax-dangling",
     lambda k: k.file_a() + gnu_long(b"package/x.js"))
_tar("long-name-ustar", "a GNU long name over a ustar header", "tar-long-name",
     lambda k: k.file_a() + gnu_long(b"package/x.js.map") + entry("package/x.js", b"x\n"))
_tar("long-name-no-end", "a GNU long name without a NUL", "tar-long-name",
     lambda k: k.file_a() + entry("././@LongLink", b"package/x.js", kind=b"L", magic=GNU) + entry("package/x.js", b"x\n", magic=GNU))
_tar("mode-text", "a mode that is no number", "tar-number", lambda k: _x(k, patch=((100, b"rw-r--r-"),)))
_tar("mode-empty", "an empty mode", "tar-number", lambda k: _x(k, patch=((100, bytes(8)),)))
_tar("uid-huge", "a binary uid beyond 32 bits", "tar-number",
     lambda k: _x(k, patch=((108, b"\x80\x20" + bytes(6)),)))
_tar("mtime-negative", "a binary time before 1970", "tar-number",
     lambda k: _x(k, patch=((136, base256(-1, 12)),)))
_tar("device-text", "a device number that is no number", "tar-number",
     lambda k: _x(k, patch=((329, b"x"),)))
_tar("device-set", "a device number", "tar-device", lambda k: _x(k, patch=((337, octal(7, 8)),)))
_tar("checksum-no-end", "a checksum of eight digits", "tar-checksum", lambda k: _eight_digits(_x(k)))
_tar("size-huge", "a size beyond the archive", "tar-truncated",
     lambda k: _x(k, size=octal(8**11 - 1, 12)))
_tar("size-one-more", "a size one block too large", "tar-truncated",
     lambda k: _x(k, size=3 * BLOCK + 1))
_tar("padding", "data in the padding of a body", "tar-padding",
     lambda k: k.file_a() + entry("package/x.js", b"x\n")[:-1] + b"x")
_tar("directory-size", "a directory with a body B", "tar-directory-size",
     lambda k: k.file_a() + entry("package/d/", k.smuggled(), kind=b"5"))
_tar("sparse-huge", "a GNU sparse file of 10^12 bytes", "tar-type",
     lambda k: k.file_a() + entry("package/big", b"", kind=b"S", magic=GNU,
                                  patch=((483, base256(10**12, 12)),)))
_table.add("one-end-block", "a single zero block at the end", "tar-end",
           lambda k: gzip_member(k.file_a() + bytes(BLOCK)))
_table.add("end-with-data", "data in the second block of the end", "tar-data-after-end",
           lambda k: gzip_member(k.file_a() + END[:-1] + b"x"))
_table.add("long-end", "23 zero blocks at the end", "tar-long-end",
           lambda k: gzip_member(k.file_a() + bytes(23 * BLOCK)))
_table.add("empty-tar", "nothing but the end", "package-json-missing", lambda k: gzip_member(END))

# Pax framing and values.
_tar("meta-no-name", "a pax header without a name: some skip it and read its body as headers", "path-empty",
     lambda k: k.file_a() + entry("", pad(record("comment", "x")) + k.smuggled(), kind=b"x")
     + entry("package/x.js", k.index))
_tar("pax-empty", "a pax header without records", "pax-malformed", lambda k: pax(raw=b"") + k.file_a())
_tar("pax-no-newline", "a record without its newline", "pax-malformed",
     lambda k: pax(raw=b"12 comment=x") + k.file_a())
_tar("pax-no-equals", "a record without a value", "pax-malformed",
     lambda k: pax(raw=b"10 comment\n") + k.file_a())
_tar("pax-huge-length", "a record length beyond 64 bits", "pax-malformed",
     lambda k: pax(raw=b"99999999999999999999999 path=x\n") + k.file_a())
_tar("pax-short-length", "a record length that ends in its own digits", "pax-malformed",
     lambda k: pax(raw=b"2 \n") + k.file_a())
_tar("pax-padded", "zeros after the last record", "pax-malformed",
     lambda k: pax(raw=record("comment", "x") + bytes(4)) + k.file_a())
_tar("pax-newline", "a newline in a value that spells a path record", "pax-value",
     lambda k: k.file_a() + pax(("comment", "x\n" + record("path", README).decode().rstrip()))
     + k.file_b())
_tar("pax-latin1", "a value that is not UTF-8", "pax-value",
     lambda k: k.file_a() + pax(("path", b"package/\xe9.js")) + entry("PaxHeader", k.index))
_tar("pax-time-text", "a time that is no number", "pax-value", lambda k: pax(("mtime", "now")) + k.file_a())
_tar("pax-empty-key", "a record without a key", "pax-key", lambda k: pax(("", "x")) + k.file_a())
_tar("pax-odd-key", "a control character in a key", "pax-key",
     lambda k: pax(("NODETAR.a\tb", "x")) + k.file_a())
_tar("pax-hdrcharset", "a character set for the names", "pax-key",
     lambda k: pax(("hdrcharset", "BINARY")) + k.file_a())
_tar("pax-type", "a type", "pax-key", lambda k: pax(("type", "Directory")) + k.file_a())
_tar("pax-last", "a pax header without an entry", "pax-dangling",
     lambda k: k.file_a() + pax(("comment", "x")))
_tar("pax-global-last", "a global header without an entry", "pax-dangling",
     lambda k: k.file_a() + pax(("comment", "x"), kind=b"g"))
_tar("pax-global-between", "a global header between a header and its entry", "pax-two-headers",
     lambda k: pax(("mtime", "1")) + pax(("comment", "x"), kind=b"g") + k.file_a())
_tar("pax-two-global", "two global headers in a row", "pax-two-headers",
     lambda k: pax(("comment", "x"), kind=b"g") * 2 + k.file_a())
_tar("pax-fallback", "a UTF-8 path over package.json B: a reader that garbles it installs B",
     "pax-path-fallback",
     lambda k: k.file_a() + pax(("path", "package/\u00e9.json")) + k.file_b())
_tar("pax-fallback-split", "the same with a header of several blocks, which node-tar reads in pieces",
     "pax-path-fallback",
     lambda k: k.file_a() + pax(("comment", _noise(700)), ("path", "package/" + "\u00e9" * 120))
     + k.file_b())
_tar("pax-path-blocks", "a UTF-8 path in a header of several blocks over the name PaxHeader",
     "pax-path-blocks",
     lambda k: k.file_a() + pax(("comment", _noise(700)), ("path", "package/" + "\u00e9" * 120))
     + entry("PaxHeader", k.index))
_tar("real-utf8-blocks", "a UTF-8 path in a header of several blocks over the same name", None,
     lambda k: k.file_a() + pax(("comment", _noise(700)), ("path", "package/\u00e9.js"))
     + entry("package/\u00e9.js", k.index))
_tar("pax-nfd", "a decomposed path: libarchive composes it, others do not", "pax-path-form",
     lambda k: k.file_a() + pax(("path", "package/e\u0301.js"), name="PaxHeader")
     + entry("PaxHeader", k.index))
_table.add("pax-over-limit", "a pax header of more than 1 MiB", "limit-pax",
           lambda k: gzip_member(pax(("comment", _noise(1 << 20))) + k.file_a() + END))

# Names.
_tar("path-bom", "a byte order mark in front of the top directory", "path-control",
     lambda k: k.file_a() + k.file_b("\ufeffpackage/package.json"))
_tar("path-line-separator", "a line separator in a name", "path-control",
     lambda k: _x(k, name="package/a\u2028b.js"))
_tar("path-c1", "a C1 control in a name", "path-control", lambda k: _x(k, name="package/a\u0085b.js"))
_tar("path-overlong", "an overlong slash", "path-utf8", lambda k: _x(k, name=b"package/a\xc0\xafb.js"))
_tar("path-surrogate", "a surrogate in UTF-8", "path-utf8",
     lambda k: _x(k, name=b"package/\xed\xa0\x80.js"))
_tar("path-drive", "a drive letter in front", "path-drive", lambda k: _x(k, name="c:/package/x.js"))
_tar("path-inner-drive", "c:package.json below the top directory: node-tar drops the drive", "path-drive",
     lambda k: k.file_a() + k.file_b("package/c:package.json"))
_tar("path-short-name", "the short name of package.json on Windows", "path-short-name",
     lambda k: k.file_a() + k.file_b("package/PACKAG~1.JSO"))
_tar("path-dots", "a name of three dots", "path-dot-segment", lambda k: _x(k, name="package/.../x.js"))
_tar("path-blank", "a name of a blank", "path-dot-segment", lambda k: _x(k, name="package/ /x.js"))
_tar("path-final-dot", "a file called '.'", "path-dot-segment", lambda k: _x(k, name="package/."))
_tar("path-dot-top", "./ in front of everything", "path-dot-segment",
     lambda k: directory("./") + k.file_a("./package/package.json"))
_tar("path-deep", "257 directories", "path-depth",
     lambda k: k.file_a() + pax(("path", "package/" + "d/" * 256 + "x.js")) + entry(README, k.index))
_tar("path-deep-dots", "the same depth made of dots", "path-depth",
     lambda k: k.file_a() + pax(("path", "package/" + "./" * 256 + "x.js")) + entry(README, k.index))
_tar("path-long-name", "a name of 256 bytes", "path-long-name",
     lambda k: k.file_a() + pax(("path", "package/" + "n" * 256)) + entry(README, k.index))
_tar("path-long", "a path of more than 4,096 bytes", "limit-path",
     lambda k: k.file_a() + pax(("path", "package/" + "n" * 4096)) + entry(README, k.index))
_tar("collide-final-dot", "package.json. is package.json on Windows", "path-collision",
     lambda k: k.file_a() + k.file_b("package/package.json."))
_tar("collide-blank", "so is package.json with blanks", "path-collision",
     lambda k: k.file_a() + k.file_b("package/package.json  "))
_tar("collide-stream", "so is its default stream", "path-collision",
     lambda k: k.file_a() + k.file_b("package/package.json::$DATA"))
_tar("collide-sharp-s", "a sharp s against ss", "path-collision",
     lambda k: _x(k, name="package/stra\u00dfe.js") + entry("package/strasse.js", b"y\n"))
_tar("collide-kelvin", "the Kelvin sign against k", "path-collision",
     lambda k: k.file_a() + k.file_b("package/pac\u212aage.json"))
_tar("collide-dotless", "a dotless i against i", "path-collision",
     lambda k: _x(k, name="package/\u0131ndex.js") + entry("package/index.js", b"y\n"))
_tar("collide-nfd", "composed against decomposed letters", "path-collision",
     lambda k: _x(k, name="package/\u00e9.js") + entry("package/e\u0301.js", b"y\n"))
_tar("collide-ignorable", "an invisible character", "path-collision",
     lambda k: k.file_a() + k.file_b("package/package\u200b.json"))
_tar("collide-directory", "two spellings of a file in two spellings of a directory", "path-collision",
     lambda k: _x(k, name="package/Lib/x.js") + entry("package/lib/X.js", b"y\n"))
_tar("two-cases-of-directory", "two spellings of a directory with different files", None,
     lambda k: _x(k, name="package/Lib/x.js") + entry("package/lib/y.js", b"y\n"))
_tar("file-as-directory", "a file that another entry takes for its directory",
     "path-file-and-directory",
     lambda k: _x(k, name="package/lib") + entry("package/lib/x.js", b"y\n"))
_tar("file-as-directory-far", "the same across a level and other entries",
     "path-file-and-directory",
     lambda k: entry("package/lib/a/x.js", b"y\n") + entry("package/lib-b/x.js", b"y\n") + k.file_a()
     + entry("package/LIB", b"x\n"))
_tar("file-and-directory", "a path as file and as directory", "path-file-and-directory",
     lambda k: _x(k, name="package/lib") + directory("package/lib/"))
_tar("file-inside-package-json", "an entry below package.json", "path-file-and-directory",
     lambda k: k.file_a() + entry("package/package.json/x.js", k.index))
_tar("pkgjson-directory-only", "package.json is a directory", "package-json-directory",
     lambda k: directory("package/package.json/") + entry("package/index.js", k.index))
_tar("nested-pkgjson-only", "package.json only in a sub-directory", "package-json-missing",
     lambda k: k.file_a("package/lib/package.json"))
_tar("yarn-manifest", "a manifest where yarn 1 keeps its own: it runs the hooks of that one", "path-yarn-manifest",
     lambda k: k.file_a() + entry("package/.yarn-metadata.json", b'{"manifest": ' + k.b + b"}"))
_tar("yarn-manifest-case", "the same in capitals, for file systems that ignore case", "path-yarn-manifest",
     lambda k: k.file_a() + entry("package/.Yarn-Metadata.JSON", b'{"manifest": ' + k.b + b"}"))
_tar("dup-identical", "the same file twice", None, lambda k: k.file_a() * 2)
_tar("dup-other-mode", "the same file twice, once executable", "path-duplicate",
     lambda k: _x(k, name="package/cli.js") + entry("package/cli.js", b"x\n", mode=0o755))
_tar("dup-directory", "the same directory twice", "path-late-directory",
     lambda k: directory("package/lib/") * 2 + k.file_a())
_tar("late-directory", "a directory after a file in it", "path-late-directory",
     lambda k: k.file_a() + entry("package/lib/deep/x.js", k.index) + directory("package/lib/"))


CASES = _table.cases
