"""Crafted cases: archives that are fine around a package.json that readers understand differently."""

import json

from crafted_base import Table, manifest
from tarcraft import entry

_table = Table()


def _json(name, what, rule, text, agreed=False):
    """`text` gives the package.json from its Kit."""
    _table.tar(name, what, rule, lambda kit: entry("package/package.json", text(kit)),
               stage="package-json", agreed=agreed)


def _script(kit, letter):
    return manifest(kit.case, letter)["scripts"]["postinstall"]


def _hook(kit, letter):
    """The scripts of package.json A or B, as JSON text."""
    return json.dumps({"postinstall": _script(kit, letter)})


def _object(case, inner, letter="B"):
    """package.json with name, version, the raw text `inner`, and the scripts of `letter`."""
    fields = manifest(case, letter)
    scripts = json.dumps(fields["scripts"])
    head = f'{{"name": "{fields["name"]}", "version": "1.0.0", "letter": "{letter}"'
    return f'{head}, {inner}"scripts": {scripts}}}'.encode()


def _scripts(case, raw):
    """package.json B with the raw text `raw` as the value of scripts."""
    fields = manifest(case, "B")
    return (f'{{"name": "{fields["name"]}", "version": "1.0.0", "letter": "B", '
            f'"scripts": {raw}}}').encode()


def _spaced(kit, blank):
    """Package.json B with `blank` where white space may be."""
    return kit.b.replace(b"\n  ", b"\n" + blank)


_json("js-utf16", "UTF-16 with a byte order mark", "nul",
      lambda k: k.b.decode().encode("utf-16"))
_json("js-dupkey", "scripts twice: A, then B", "duplicate-key",
      lambda k: _object(k.case, f'"scripts": {_hook(k, "A")}, '))
_json("js-dupkey-rev", "scripts twice: B, then A", "duplicate-key",
      lambda k: _object(k.case, f'"scripts": {_hook(k, "B")}, ', letter="A"))
_json("js-dupkey-inner", "postinstall twice: A, then B", "duplicate-key",
      lambda k: _scripts(k.case, _hook(k, "A")[:-1] + ", " + _hook(k, "B")[1:]))
_json("js-comments", "comments", "not-json",
      lambda k: b"// a line\n" + k.b.replace(b"{", b"{ /* a block */", 1))
_json("js-trailing-comma", "a comma too many", "not-json",
      lambda k: k.b.rstrip()[:-1].rstrip() + b",\n}\n")
_json("js-single-quotes", "JSON5 quotes and bare keys", "not-json",
      lambda k: k.b.replace(b'"letter": "B"', b"letter: 'B'"))
_json("js-trailing-garbage", "garbage after the object", "not-json", lambda k: k.b + b"garbage")
_json("js-trailing-nul", "NULs after the object", "nul", lambda k: k.b + bytes(4))
_json("js-two-objects", "two objects", "not-json", lambda k: k.a + k.b)
_json("js-leading-nul", "a NUL before the object", "nul", lambda k: b"\0" + k.b)
_json("js-nbsp", "no-break space and line separator as white space", "not-json",
      lambda k: _spaced(k, "\u00a0\u2028".encode()))
_json("js-vt", "vertical tab and form feed as white space", "not-json",
      lambda k: _spaced(k, b"\v\f"))
_json("js-invalid-utf8", "invalid UTF-8 in a value", "invalid-utf8",
      lambda k: _object(k.case, '"author": "?!", ').replace(b"?!", b"\xff\xfe"))
_json("js-lone-surrogate", "half a surrogate pair", "lone-surrogate",
      lambda k: _object(k.case, '"author": "\\ud800", '))
_json("js-control-char", "a raw control character in a string", "not-json",
      lambda k: _object(k.case, '"author": "a\x01b", '))
_json("js-hugenum", "numbers beyond a double", None,
      lambda k: _object(k.case, f'"n": [1e99999, {"9" * 400}, -0], '))
_json("js-badnum", "numbers that JSON does not know", "not-json",
      lambda k: _object(k.case, '"n": [01, .5, +1, NaN, Infinity], '))
_json("js-deep", "5,000 nested arrays", "depth",
      lambda k: _object(k.case, f'"deep": {"[" * 5000}{"]" * 5000}, '))
_json("js-deep100k", "100,000 nested arrays", "depth",
      lambda k: _object(k.case, f'"deep": {"[" * 100_000}{"]" * 100_000}, '))
_table.tar("js-long-key", "a string of 4 MiB before scripts", "limit-ratio",
           lambda k: entry("package/package.json",
                           _object(k.case, '"long": "' + "x" * (4 << 20) + '", ')))
_json("js-script-array", "postinstall is a list", "scripts-not-strings",
      lambda k: _scripts(k.case, json.dumps({"postinstall": [_script(k, "B")]})))
_json("js-script-object", "postinstall is an object", "scripts-not-strings",
      lambda k: _scripts(k.case, json.dumps({"postinstall": {"run": _script(k, "B")}})))
_json("js-empty", "an empty file", "not-json", lambda k: b"")
_json("js-null", "null", "not-an-object", lambda k: b"null\n")

# All clients agree on these.
_json("js-bom", "a byte order mark", None, lambda k: b"\xef\xbb\xbf" + k.a, agreed=True)
_json("js-escaped-key", "escapes in keys", None, agreed=True,
      text=lambda k: k.a.replace(b'"scripts"', b'"scr\\u0069pts"'))
_json("js-proto", "a __proto__ with scripts", "proto-key", agreed=True,
      text=lambda k: f'{{"name": "crafted-{k.case}", "version": "1.0.0", '
      f'"__proto__": {{"scripts": {_hook(k, "B")}}}}}'.encode())
_json("js-proto-scripts", "a __proto__ in scripts", "proto-key", agreed=True,
      text=lambda k: _scripts(k.case, f'{{"__proto__": {_hook(k, "B")}}}'))
_json("js-scripts-array", "scripts is a list", "scripts-not-strings", agreed=True,
      text=lambda k: _scripts(k.case, json.dumps([_script(k, "B")])))
_json("js-script-empty-first", "an empty preinstall before the postinstall", None, agreed=True,
      text=lambda k: _scripts(k.case, json.dumps({"preinstall": "", "postinstall": _script(k, "B")})))
_json("js-case-key", "Scripts and PostInstall", None, agreed=True,
      text=lambda k: k.a.replace(b'"scripts"', b'"Scripts"'))
_json("js-array-root", "the object in a list", "not-an-object", agreed=True,
      text=lambda k: b"[" + k.b + b"]")

CASES = _table.cases
