"""Random archives from a seed: valid ones of many forms, and valid ones with a few things changed
at the level of entries, header bytes, pax records, blocks and gzip. About half of them should
still be acceptable: those are the ones that tell."""

import random
import struct
import zlib

import tarcraft
from tarcraft import BLOCK, END, GNU, USTAR

NAMES = [
    "package/index.js", "package/lib/a.js", "package/lib/b/c.js", "package/README.md", "package/bin/cli",
    "package/./index.js", "package/dist/./x.js", "package/Index.js", "package/Lib/d.js", "package/.npmrc",
    "package/\u00e9.js", "package/e\u0301.js", "package/\u4e16\u754c/x.js", "package/\U0001f600.js",
    "package/a b.js", "package/ab:c.js", "package/x~y", "package/" + "n" * 88 + ".js",
    "package/" + "d" * 60 + "/" + "e" * 60 + "/f.js", "package/" + "\u00fc" * 70 + ".js",
    "package/node_modules/dep/package.json", "package/con", "package/a.", "package/binding.gyp",
]
ODD_NAMES = [
    "package/../x.js", "./package/x.js", "package//x.js", "/package/x.js", "package\\x.js", "x.js", "", ".",
    "other/x.js", "package/x.js/", "package/c:x.js", "package/x~1", "package/\n.js", "package/\u2028.js", "\ufeffpackage/x.js",
    "package/" + "d/" * 300 + "x.js", "package", "package/", "package/package.json", "package/package.json/",
    "package/PACKAGE.JSON", "package/./package.json", "package/lib",
]
PAX_KEYS = [
    "path", "size", "linkpath", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment", "charset",
    "hdrcharset", "SCHILY.dev", "SCHILY.ino", "SCHILY.nlink", "SCHILY.realsize", "SCHILY.xattr.user.x", "NODETAR.depth",
    "GNU.sparse.name", "GNU.sparse.major", "GNU.sparse.realsize", "LIBARCHIVE.creationtime", "type", "mode", "",
]
PAX_VALUES = [
    "0", "1", "512", "-1", "1.5", "1e3", "0x200", "", "x", "package/p.js", "package/\u00e9p.js", "package/package.json",
    "a=b", "a\nb", "a\0b", "12 path=package/q.js", "\u00e9" * 40,
]
TELLING_BYTES = b"\0\1\n\r +-./01789=Lx\\\x7f\x80\xc3\xff"


class Maker:
    """Makes archive number `number` of a seed; equal numbers give equal bytes."""

    def __init__(self, seed, number):
        self.rng = random.Random(f"{seed}/{number}")

    def make(self):
        blocks = self.blocks()
        for _ in range(self.rng.choice((0, 0, 1, 1, 1, 2, 3))):
            self.rng.choice(self.MUTATIONS)(self, blocks)
        tar = b"".join(blocks)
        tar += END if self.rng.random() < 0.93 else self.odd_end()
        if self.rng.random() < 0.04:
            tar = self.flip(tar)
        return self.gzip(tar)

    # Valid archives: a list of entries, each the bytes of its headers and body.

    def blocks(self):
        names = ["package/package.json"] + self.rng.sample(NAMES, self.rng.randint(0, 5))
        self.rng.shuffle(names)
        blocks = [self.entry(name) for name in names]
        if self.rng.random() < 0.2:
            blocks.insert(0, tarcraft.directory("package/"))
        if self.rng.random() < 0.1:
            blocks.insert(0, tarcraft.pax(("comment", "0123456789abcdef"), kind=b"g", name="pax_global_header"))
        return blocks

    def body(self, name):
        size = self.rng.choice((0, 1, 30, 511, 512, 513, 1024, 2000))
        seed = f'{{"name":"fuzz","version":"1.0.0","at":{self.rng.randrange(10**9)}}}'
        return seed.encode() if name.endswith("package.json") else (seed.encode() * 99)[:size]

    def entry(self, name):
        body = self.body(name)
        raw = name.encode()
        fields = {"patch": self.patch(), "mode": self.rng.choice((0o644, 0o755, 0o600, 0o777))}
        form = self.rng.random()
        if len(raw) > 100 or form < 0.15:
            extra = self.good_records() if self.rng.random() < 0.3 else ()
            header = tarcraft.pax(*extra, ("path", name), name="PaxHeader")
            return header + tarcraft.entry(self.fallback(raw), body, **fields)
        if form < 0.35 and b"/" in raw:
            cut = self.rng.choice([at for at, byte in enumerate(raw) if byte == 0x2F])
            return tarcraft.entry(raw[cut + 1 :], body, prefix=raw[:cut], **fields)
        if form < 0.45:
            return tarcraft.pax(*self.good_records()) + tarcraft.entry(raw, body, **fields)
        if form < 0.55:
            fields["patch"] = [(at, data) for at, data in fields["patch"] if at < 345]
            return tarcraft.entry(raw, body, magic=GNU, **fields)
        return tarcraft.entry(raw, body, **fields)

    def fallback(self, raw):
        """The name under a pax path: what packers write, another file's, or none."""
        if raw.isascii() and self.rng.random() < 0.5:
            return self.rng.choice(("package/short", "package/short", "package/short", ""))
        return raw if len(raw) <= 100 and self.rng.random() < 0.3 else "PaxHeader"

    def good_records(self):
        records = [("mtime", "1700000000.25"), ("uid", "3000000"), ("uname", "J\u00f6rg"), ("NODETAR.depth", "1"),
                   ("SCHILY.ino", "77"), ("comment", "fine=yes")]
        return self.rng.sample(records, self.rng.randint(1, 4))

    def patch(self):
        """Harmless variety of the fields that no reader needs."""
        forms = [
            (108, bytes(8)), (116, bytes(8)), (108, tarcraft.base256(1_896_053_708, 8)), (136, bytes(12)),
            (136, b"%11o\0" % 1_700_000_000), (136, b"%011o " % 1_700_000_000), (265, b"root"), (297, b"staff"),
            (329, b"000000 \0000000 \0"), (476, b"15270440050\x0015270440050\0"), (100, b"000644 \0"), (100, b"   644 \0"),
        ]
        return self.rng.sample(forms, self.rng.choice((0, 0, 1, 2)))

    # Changes to the list of entries.

    def insert(self, blocks, data):
        blocks.insert(self.rng.randint(0, len(blocks)), data)

    def add_odd_name(self, blocks):
        name = self.rng.choice(ODD_NAMES)
        if len(name.encode()) > 100:
            data = tarcraft.pax(("path", name), name="PaxHeader") + tarcraft.entry("PaxHeader", self.body(name))
        else:
            data = tarcraft.entry(name, self.body(name), kind=self.rng.choice((b"0", b"0", b"5")))
        self.insert(blocks, data)

    def repeat_entry(self, blocks):
        self.insert(blocks, self.rng.choice(blocks))

    def add_type(self, blocks):
        kind = self.rng.choice((b"\0", b"1", b"2", b"3", b"5", b"6", b"7", b"A", b"D", b"K", b"L", b"M", b"N", b"S", b"V", b"X", b"Z"))
        body = self.rng.choice((b"", b"package/package.json\0", self.entry("package/inner.js")))
        link = self.rng.choice((b"", b"package/package.json"))
        self.insert(blocks, tarcraft.entry("package/typed", body, kind=kind, link=link, magic=self.rng.choice((USTAR, GNU))))

    def add_directory(self, blocks):
        name = self.rng.choice(("package/lib", "package/lib/", "package/x/", "package/index.js", "package/package.json/"))
        size = self.rng.choice((0, 0, 0, 512))
        self.insert(blocks, tarcraft.directory(name, size=size))

    def add_pax(self, blocks):
        pairs = [(self.rng.choice(PAX_KEYS), self.rng.choice(PAX_VALUES)) for _ in range(self.rng.randint(1, 2))]
        kind = self.rng.choice((b"x", b"x", b"x", b"g"))
        name = self.rng.choice(("PaxHeader", "PaxHeader/x", "package/package.json", ""))
        self.insert(blocks, tarcraft.pax(*pairs, kind=kind, name=name))

    def add_bad_record(self, blocks):
        good = tarcraft.record("path", "package/r.js")
        raw = self.rng.choice((
            b"0" + good, b"+" + good, b" " + good, good[:-1], good + b"\n", good + b"\0", b"5 a=b\n" + good,
            b"99 a=b\n" + good, b"6 a=b\n" + good, good.replace(b" ", b"\t", 1), good + good, b"3 \n" + good,
        ))
        self.insert(blocks, tarcraft.pax(raw=raw))

    def add_long_name(self, blocks):
        text = self.rng.choice((b"package/long.js", b"package/package.json\0x", b"package/" + b"l" * 120))
        self.insert(blocks, tarcraft.gnu_long(text, kind=self.rng.choice((b"L", b"K"))))

    def utf8_pax_path(self, blocks):
        """A path that a reader with a border in its middle may garble."""
        path = "package/" + ("\u00e9\u4e16" * self.rng.randint(1, 40) + "/") * self.rng.randint(1, 6) + "x.js"
        name = self.rng.choice(("PaxHeader", "package/fallback.js", path.encode()[:99], "package/package.json"))
        records = [("path", path)]
        if self.rng.random() < 0.5:
            records.insert(0, ("comment", self.rng.randbytes(400).hex()))  # node-tar takes one block whole, several in pieces
        self.insert(blocks, tarcraft.pax(*records, name="PaxHeader") + tarcraft.entry(name, self.body(path)))

    def insert_zeros(self, blocks):
        self.insert(blocks, bytes(BLOCK * self.rng.choice((1, 1, 2, 3))))

    def insert_noise(self, blocks):
        self.insert(blocks, self.rng.randbytes(BLOCK))

    # Changes to header bytes.

    def change_header(self, blocks):
        at = self.rng.randrange(len(blocks))
        data = bytearray(blocks[at])
        headers = [offset for offset in range(0, len(data), BLOCK) if data[offset + 257 : offset + 262] == b"ustar"]
        if not headers:
            return
        offset = self.rng.choice(headers)
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            data[offset + self.rng.randrange(BLOCK)] = self.rng.choice(TELLING_BYTES)
        block = data[offset : offset + BLOCK]
        if self.rng.random() < 0.9:
            tarcraft.set_checksum(block)
        data[offset : offset + BLOCK] = block
        blocks[at] = bytes(data)

    def change_field(self, blocks):
        at = self.rng.randrange(len(blocks))
        block = bytearray(blocks[at][:BLOCK])
        size = len(blocks[at]) - BLOCK
        offset, width, values = self.rng.choice((
            (0, 100, (b"package/n.js\0junk", b"package/n.js\0\n", b"\0package/n.js", b"package/n.js ", b"n" * 100)),
            (100, 8, (b"0100644\0", b"644\0\0\0\0\0", b"12345670", b"-000644\0", bytes(8), b"        ")),
            (108, 8, (bytes(8), tarcraft.base256(2**31, 8), tarcraft.base256(2**54, 8), b"nobody\0\0")),
            (124, 12, (b"%011o " % size, b"%12o" % size, b"%o\0" % size, tarcraft.base256(size, 12), bytes(12), b"%011o\0" % (size + 1))),
            (136, 12, (bytes(12), tarcraft.base256(-1, 12), b"77777777777\0", b"            ")),
            (157, 100, (b"x", b"\0x", b"package/package.json")),
            (257, 8, (bytes(8), GNU, USTAR, b"ustar\0  ", b"ustar  0", b"ustar\x0001")),
            (265, 32, (b"u" * 32, b"a\0b", b"\xff")),
            (329, 16, (bytes(16), b"0000000\x000000001\0", b"x")),
            (345, 155, (b"package", b"p\0q", b"p" * 155, b"", b"/", b"package/")),
            (500, 12, (b"tar\0", b"\0\0\0\0\0\0\0\0tar\0")),
        ))
        value = self.rng.choice(values)
        block[offset : offset + width] = value.ljust(width, b"\0")[:width]
        tarcraft.set_checksum(block)
        blocks[at] = bytes(block) + blocks[at][BLOCK:]

    MUTATIONS = (
        add_odd_name, repeat_entry, add_type, add_directory, add_pax, add_pax, add_bad_record, add_long_name,
        utf8_pax_path, insert_zeros, insert_noise, change_header, change_header, change_header, change_field, change_field,
    )

    # What stands around the entries.

    def odd_end(self):
        extra = self.entry("package/late.js")
        return self.rng.choice((b"", bytes(BLOCK), bytes(10240), END + bytes(10240), bytes(23 * BLOCK), END + extra, END + extra + END, END + b"\0" * 7, END + b"x" * BLOCK))

    def flip(self, tar):
        at = self.rng.randrange(len(tar))
        return tar[:at] + bytes([tar[at] ^ 1 << self.rng.randrange(8)]) + tar[at + 1 :]

    def gzip(self, tar):
        level = self.rng.choice((0, 1, 6, 9))
        if self.rng.random() < 0.92:
            return tarcraft.gzip_member(tar, level=level)
        good = tarcraft.gzip_member(tar, level=level)
        return self.rng.choice((
            good + bytes(self.rng.randint(1, 600)),
            good + b"junk",
            good + good,
            tarcraft.gzip_member(tar, flags=8, extra=b"package.tgz\0"),
            tarcraft.gzip_member(tar, flags=4, extra=b"\4\0abcd"),
            tarcraft.gzip_member(tar, flags=1),
            tarcraft.gzip_member(tar, crc=zlib.crc32(tar) ^ 1),
            tarcraft.gzip_member(tar, size=len(tar) + 1),
            good[:-8],
            good[: len(good) // 2],
            tarcraft.gzip_member(b"") + good,
            struct.pack("<H", 0x8B1F) + good[2:],
        ))
