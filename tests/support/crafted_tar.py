"""Crafted cases: names, types, numbers and the end of a tar archive."""

from crafted_base import Table
from tarcraft import (
    BLOCK,
    END,
    GNU,
    V7,
    base256,
    checksum,
    directory,
    entry,
    gnu_long,
    gzip_member,
)

_table = Table()
_tar = _table.tar
_agree = _table.agree


def _broken_checksum(data):
    """The same entry with a checksum that is off by one."""
    block = bytearray(data)
    block[148:156] = f"{checksum(block[:BLOCK]) + 1:06o}".encode() + b"\0 "
    return bytes(block)


def _signed_checksum(data):
    block = bytearray(data)
    block[148:156] = f"{checksum(block[:BLOCK], signed=True):06o}".encode() + b"\0 "
    return bytes(block)


def _without_gzip_end(build):
    """For archives whose end is part of the case."""
    return lambda kit: gzip_member(build(kit))


# Names.
_tar("base", "control: one package/package.json with a postinstall", None, lambda k: k.file_a())
_tar("root-entry", "A, then a package.json outside the top directory", "path-outside-top",
     lambda k: k.file_a() + k.file_b("package.json"))
_tar("root-only", "only a package.json outside any directory", "path-outside-top",
     lambda k: k.file_b("package.json"))
_tar("dot-prefix", "A, then ./package/package.json B", "path-dot-segment",
     lambda k: k.file_a() + k.file_b("./package/package.json"))
_tar("dot-root", "A, then ./package.json B", "path-dot-segment",
     lambda k: k.file_a() + k.file_b("./package.json"))
_tar("dot-mid", "A, then package/./package.json B", "path-duplicate",
     lambda k: k.file_a() + k.file_b("package/./package.json"))
_tar("dotdot-mid", "A, then package/x/../package.json B", "path-dot-segment",
     lambda k: k.file_a() + k.file_b("package/x/../package.json"))
_tar("double-slash", "A, then package//package.json B", "path-empty-segment",
     lambda k: k.file_a() + k.file_b("package//package.json"))
_tar("absolute", "A, then /package/package.json B", "path-absolute",
     lambda k: k.file_a() + k.file_b("/package/package.json"))
_tar("abs-root", "A, then /package.json B", "path-absolute",
     lambda k: k.file_a() + k.file_b("/package.json"))
_tar("backslash", "A, then package\\package.json B", "path-backslash",
     lambda k: k.file_a() + k.file_b("package\\package.json"))
_tar("backslash2", "A, then package/x\\..\\package.json B", "path-backslash",
     lambda k: k.file_a() + k.file_b("package/x\\..\\package.json"))
_tar("file-trailslash", "A, then package/package.json/ as a file", "path-empty-segment",
     lambda k: k.file_a() + k.file_b("package/package.json/"))
_tar("empty-name", "A, then an entry without a name, body B", "path-empty",
     lambda k: k.file_a() + k.file_b("") + entry("package/index.js", k.index))
_tar("traversal", "A, then package/../../escape.txt", "path-dot-segment",
     lambda k: k.file_a() + entry("package/../../escape.txt", b"out\n"))
_tar("traversal2", "A, then ../escape2.txt", "path-dot-segment",
     lambda k: k.file_a() + entry("../escape2.txt", b"out\n"))
_tar("dir-pkgjson", "A, then a directory package/package.json/", "path-file-and-directory",
     lambda k: k.file_a() + directory("package/package.json/"))
_tar("missing-pkgjson", "no package.json at all", "package-json-missing",
     lambda k: entry("package/index.js", k.index))
_tar("pkg-json5", "no package.json, but package.json5 and package.yaml with scripts",
     "package-json-missing",
     lambda k: k.file_b("package/package.json5")
     + entry("package/package.yaml", b"name: crafted\nscripts:\n  postinstall: node b.js\n"))
_tar("pkg-indexjs", "no package.json, but index.js with a package comment",
     "package-json-missing",
     lambda k: entry("package/index.js", b"/**package " + k.b + b"**/\n" + k.index))

# Types.
_tar("type7", "A, then type 7 (contiguous) B", "tar-type",
     lambda k: k.file_a() + k.file_b(kind=b"7"))
_tar("type7-only", "only a type 7 package.json B", "tar-type", lambda k: k.file_b(kind=b"7"))
_tar("typeZ-only", "A, then unknown type Z, B", "tar-type",
     lambda k: k.file_a() + k.file_b(kind=b"Z"))
_tar("typeS", "A, then a GNU sparse entry of one full extent, B", "tar-type",
     lambda k: k.file_a() + k.file_b(kind=b"S", magic=GNU, patch=(
         (386, b"%011o\0%011o\0" % (0, len(k.b))), (483, b"%011o\0" % len(k.b)))))
_tar("typeD", "A, then a GNU dump directory named package/package.json, B", "tar-type",
     lambda k: k.file_a() + k.file_b(kind=b"D", magic=GNU))
_tar("typeV", "A, then a GNU volume header with a body B", "tar-type",
     lambda k: k.file_a() + k.file_b(kind=b"V", magic=GNU))
_tar("typeM", "A, then a GNU multi-volume continuation, B", "tar-type",
     lambda k: k.file_a() + k.file_b(kind=b"M", magic=GNU))
_tar("hardlink", "A, x.json B, hard link package.json -> x.json", "tar-type",
     lambda k: k.file_a() + k.file_b("package/x.json")
     + entry("package/package.json", kind=b"1", link=b"package/x.json"))
_tar("hardlink-only", "x.json B and a hard link package.json -> x.json", "tar-type",
     lambda k: k.file_b("package/x.json")
     + entry("package/package.json", kind=b"1", link=b"package/x.json"))
_tar("hardlink-body", "A, then a hard link package/package.json with a body B", "tar-type",
     lambda k: k.file_a() + k.file_b(kind=b"1", link=b"package/x.json"))
_tar("symlink", "A, x.json B, symbolic link package.json -> x.json", "tar-type",
     lambda k: k.file_a() + k.file_b("package/x.json")
     + entry("package/package.json", kind=b"2", link=b"x.json"))
_tar("symlink-only", "x.json B and a symbolic link package.json -> x.json", "tar-type",
     lambda k: k.file_b("package/x.json") + entry("package/package.json", kind=b"2", link=b"x.json"))
_tar("symlink-dir", "A, symbolic link package/d -> ., then package/d/package.json B", "tar-type",
     lambda k: k.file_a() + entry("package/d", kind=b"2", link=b".")
     + k.file_b("package/d/package.json"))
_tar("symlink-pkg", "A, symbolic link other -> package, then other/package.json B", "tar-type",
     lambda k: k.file_a() + entry("other", kind=b"2", link=b"package")
     + k.file_b("other/package.json"))
_tar("chardev-with-size", "A, then a device whose size covers a smuggled header and B", "tar-type",
     lambda k: k.file_a() + entry("package/tty", k.smuggled(), kind=b"3"))
_tar("fifo-with-size", "A, then a pipe whose size covers a smuggled header and B", "tar-type",
     lambda k: k.file_a() + entry("package/pipe", k.smuggled(), kind=b"6"))
_tar("v7slash-with-size", "A, then a v7 directory whose size covers a smuggled B", "tar-magic",
     lambda k: k.file_a() + entry("package/d/", k.smuggled(), magic=V7))
_tar("typeZ-with-size", "A, then unknown type Z whose size covers a smuggled B", "tar-type",
     lambda k: k.file_a() + entry("package/z", k.smuggled(), kind=b"Z"))
_tar("gnu-K-file", "A, then a GNU long link whose body is a smuggled header and B", "tar-type",
     lambda k: k.file_a() + entry("././@LongLink", k.smuggled(), kind=b"K", magic=GNU)
     + entry("package/index.js", k.index))
_tar("gnu-N", "old GNU type N over package/readme, B", "tar-type",
     lambda k: k.file_a() + entry("././@LongName", b"package/package.json\0", kind=b"N", magic=GNU)
     + k.file_b("package/readme"))

# Magic and prefix.
_tar("prefix-gnu", "GNU magic with 'package' in the prefix area, name package.json, B",
     "tar-gnu-prefix", lambda k: k.file_a() + k.file_b("package.json", magic=GNU, prefix=b"package"))
_tar("prefix-v7", "no magic, 'package' in the prefix area, name package.json, B", "tar-magic",
     lambda k: k.file_a() + k.file_b("package.json", magic=V7, prefix=b"package"))
_tar("prefix-gnu-away", "GNU magic, 'zz' in the prefix area, name package/package.json, B",
     "tar-gnu-prefix", lambda k: k.file_a() + k.file_b(magic=GNU, prefix=b"zz"))

# Numbers.
_tar("size-b256", "A, then a base-256 size, B", "tar-number",
     lambda k: k.file_a() + k.file_b(size=base256(len(k.b), 12)))
_tar("size-0x", "A, then '0x' in the size field, B follows", "tar-number",
     lambda k: k.file_a() + k.file_b(size=b"0x" + b"%09o\0" % len(k.b)))
_tar("size-nul", "A, then an empty size field, B follows", "tar-number",
     lambda k: k.file_a() + k.file_b(size=bytes(12)))
_tar("size-minus", "A, then a negative octal size, B follows", "tar-number",
     lambda k: k.file_a() + k.file_b(size=b"-%010o\0" % len(k.b)))
_tar("size-neg256", "A, then a base-256 size of -1, B follows", "tar-number",
     lambda k: k.file_a() + k.file_b(size=base256(-1, 12)))
_tar("bad-checksum", "A, then an entry with a wrong checksum, then B", "tar-checksum",
     lambda k: k.file_a() + _broken_checksum(entry("package/x", b"x" * BLOCK)) + k.file_b())
_tar("bad-checksum-self", "A, then B whose own checksum is wrong", "tar-checksum",
     lambda k: k.file_a() + _broken_checksum(k.file_b()))
_tar("garbage-block", "A, a block that is no header, then B", "tar-checksum",
     lambda k: k.file_a() + b"\xa5" * BLOCK + k.file_b())

# The end.
_tar("one-zero-block", "A, one zero block, then B", "tar-data-after-end",
     lambda k: k.file_a() + bytes(BLOCK) + k.file_b())
_tar("two-zero-blocks", "A, the end, then B (two archives in a row)", "tar-data-after-end",
     lambda k: k.file_a() + END + k.file_b())
_tar("many-zero-blocks", "A, 20 zero blocks, then B", "tar-data-after-end",
     lambda k: k.file_a() + bytes(20 * BLOCK) + k.file_b())
_table.add("no-eoa", "A, B, and no end of the archive", "tar-end",
           _without_gzip_end(lambda k: k.file_a() + k.file_b()))
_table.add("truncated-body", "A, then B cut off in its padding", "tar-block-size",
           _without_gzip_end(lambda k: k.file_a() + k.file_b()[: BLOCK + len(k.b)]))

# All clients agree on these.
_agree("dup", "A, then B under the same path", "path-duplicate", lambda k: k.file_a() + k.file_b())
_agree("dup-prefix", "A, then B with the directory in the prefix", "path-duplicate",
       lambda k: k.file_a() + k.file_b("package.json", prefix=b"package"))
_agree("dup-prefix-first", "B with the directory in the prefix, then A", "path-duplicate",
       lambda k: k.file_b("package.json", prefix=b"package") + k.file_a())
_agree("foreign-prefix", "A, then other/package.json B through the prefix", "path-second-top",
       lambda k: k.file_a() + k.file_b("package.json", prefix=b"other"))
_agree("case-file", "A, then package/Package.json B", "path-collision",
       lambda k: k.file_a() + k.file_b("package/Package.json"))
_agree("case-dir", "A, then Package/package.json B", "path-second-top",
       lambda k: k.file_a() + k.file_b("Package/package.json"))
_agree("unicode-nfkd", "A, then package.json in full-width letters, B", "path-collision",
       lambda k: k.file_a() + k.file_b("package/\uff50\uff41\uff43kage.json"))
_agree("nul-type", "A with the old type NUL", "tar-type", lambda k: k.file_a(kind=b"\0"))
_agree("gnu-long", "a GNU long name over B", "tar-long-name",
       lambda k: gnu_long(b"package/package.json") + k.file_b("package/readme", magic=GNU))
_agree("prefix-ustar", "A with the directory in the prefix", None,
       lambda k: k.file_a("package.json", prefix=b"package"))
_agree("prefix-130", "A and a file with a prefix longer than 130 bytes", None,
       lambda k: k.file_a() + entry("x.js", k.index, prefix=b"package/" + b"d" * 140))
_agree("size-spaces", "a size with blanks in front", None,
       lambda k: k.file_a(size=b"%11o\0" % len(k.a)))
_agree("size-12", "a size of 12 digits without an end", "tar-number",
       lambda k: k.file_a(size=b"%012o" % len(k.a)))
_agree("signed-checksum", "a checksum of signed bytes", "tar-checksum",
       lambda k: k.file_a() + _signed_checksum(entry("package/\u00e9.js", k.index)))
_agree("nonutf8-path", "a Latin-1 name", "path-utf8",
       lambda k: k.file_a() + entry(b"package/\xe9.js", k.index))
_agree("utf8-path", "a UTF-8 name", None,
       lambda k: k.file_a() + entry("package/\u00e9\u4e16.js", k.index))
_agree("name-nul-junk", "text after the end of the name", None,
       lambda k: k.file_a("package/package.json\0leftover"))
_agree("name-nul-junk2", "a second path after the end of the name", None,
       lambda k: k.file_a("package/package.json\0package/other.json"))
_agree("prefix-nul-junk", "text after the end of the prefix", "tar-field-tail",
       lambda k: k.file_a("package.json", prefix=b"package\0junk"))
_agree("name-full100", "a name of exactly 100 bytes", None,
       lambda k: k.file_a() + entry("package/" + "n" * 89 + ".js", k.index))
_agree("dup-same-dot", "the same file twice, once with a '.' in the path", None,
       lambda k: k.file_a() + entry("package/dist/index.js", k.index)
       + entry("package/./dist/index.js", k.index))
_agree("long-utf8-nfd", "a long name of decomposed letters", None,
       lambda k: k.file_a() + entry("e\u0301" * 30 + ".js", k.index,
                                    prefix=b"package/" + "a\u0308".encode() * 30))
_agree("newline-name", "a line break in a name", "path-control",
       lambda k: k.file_a() + entry("package/a\nb.js", k.index))
_agree("cpio-magic-name", "the archive starts like a cpio archive", None,
       lambda k: k.file_a("070707/package.json"))
_agree("ar-magic-name", "the archive starts like an ar archive", "path-control",
       lambda k: k.file_a("!<arch>\n/package.json"))
_agree("mtree-magic-name", "the archive starts like an mtree file", None,
       lambda k: k.file_a("#mtree/package.json"))
_agree("warc-xar-7z-name", "the archive starts like a WARC file", None,
       lambda k: k.file_a("WARC/package.json") + entry("WARC/xar!.js", k.index))
_agree("rar-magic-name", "the archive starts like a RAR file", "path-control",
       lambda k: k.file_a("Rar!\x1a\x07/package.json"))

CASES = _table.cases
