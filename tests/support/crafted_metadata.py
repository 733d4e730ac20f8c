"""Crafted releases whose archive is fine: what misleads is the packument, or something in the tarball that package managers act on
without being told.

As crafted.py for archives: packages(origin) gives them as they stand on a registry beside the second origin `origin`, which must
never be asked for anything. Every script leaves markers (crafted_base.mark), nothing else.
"""

import dataclasses
import json

import tarballs
from crafted_base import mark
from fixture_registry import Package, Release, days_ago

# Registry copies of what crafted releases depend on: `x` has a hook of its own, so that it can be told apart from another origin's.
DEPENDENCY = "crafted-dependency"
OTHER_ORIGIN_MARKER = "other-origin"


@dataclasses.dataclass(frozen=True)
class Case:
    """One release. `finding`: the gate must show it, or refuse the release."""

    name: str
    what: str
    finding: str
    manifest: dict = dataclasses.field(default_factory=dict)  # package.json and packument
    registry: dict = dataclasses.field(default_factory=dict)  # packument only
    packed: dict | None = None  # package.json if it is not `manifest`; {} for none at all
    files: dict = dataclasses.field(default_factory=dict)
    dist: dict = dataclasses.field(default_factory=dict)
    refused: bool = False  # by the policy of the test or by the floor
    # Markers that only `finding` explains: they come from files that no hook's text names.
    markers: tuple = ()

    def release(self):
        """The release as the fixture registry has it."""
        files = {"index.js": "module.exports = 1;\n", **self.files}
        own = {"name": f"crafted-{self.name}", "version": "1.0.0"}
        if self.packed != {}:
            files["package.json"] = {**own, **(self.manifest if self.packed is None else self.packed)}
        registry = dict(self.registry)
        data = tarballs.tgz(files)
        if self.dist:
            registry["dist"] = {"integrity": tarballs.integrity(data), "shasum": tarballs.shasum(data), **self.dist}
            registry["dist"] = {key: value for key, value in registry["dist"].items() if value is not None}
        return Release("1.0.0", published=days_ago(2), files=files, manifest=self.manifest, registry=registry, tarball=data)


def other_origin_package():
    """What the second origin answers to everything: a package with a hook."""
    manifest = {"name": DEPENDENCY, "version": "1.0.0", "scripts": {"postinstall": mark(OTHER_ORIGIN_MARKER)}}
    return tarballs.tgz({"package.json": manifest})


def _hooks(case, letter, hook="postinstall"):
    return {"scripts": {hook: mark(f"{case}.{letter}")}}


_GYP_TARGETS = "'targets': [{'target_name': 'x', 'type': 'none'}]"


def _gyp(case, rest=f", {_GYP_TARGETS}"):
    """A binding.gyp that leaves a marker when it is read."""
    command = mark(f"{case}.gyp").replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")
    return f"{{'variables': {{'x': '<!({command})'}}{rest}}}\n"


def _bypass(origin):
    """Releases that point past the gate."""
    foreign = f"{origin}{DEPENDENCY}-1.0.0.tgz"
    lock = {"name": "x", "version": "1.0.0", "lockfileVersion": 1, "requires": True, "dependencies": {DEPENDENCY: {
        "version": "1.0.0", "resolved": foreign, "integrity": tarballs.integrity(other_origin_package())}}}
    on_registry = {"dependencies": {DEPENDENCY: "1.0.0"}}
    rows = [
        ("http-dependency", "a dependency from a URL of another origin", {"dependencies": {DEPENDENCY: foreign}}),
        ("git-dependency", "a dependency from git at another origin", {"dependencies": {DEPENDENCY: f"git+{origin}x.git"}}),
        ("optional-http", "the same as an optional dependency", {"optionalDependencies": {DEPENDENCY: foreign}}),
        ("peer-http", "the same as a peer dependency", {"peerDependencies": {DEPENDENCY: foreign}}),
        ("file-dependency", "a dependency from a path of the machine", {"dependencies": {DEPENDENCY: "file:/tmp/no-such-package"}}),
        ("alias-http", "a URL of another origin behind an npm: alias: yarn 4 follows it", {"dependencies": {"x": f"npm:{DEPENDENCY}@{foreign}"}}),
        ("alias-git", "a git repository behind an npm: alias: bun clones it",
         {"dependencies": {"x": f"npm:{DEPENDENCY}@git+{origin}x.git"}}),
        ("runtime", "a runtime that pnpm would fetch from the runtime's own site",
         {"engines": {"runtime": {"name": "node", "version": "22.0.0", "onFail": "download"}}}),
        ("link-dependency", "a link to a path of the machine", {"dependencies": {DEPENDENCY: "link:/tmp/no-such-package"}}),
    ]
    yield from (Case(name, what, "exotic-dependency", manifest, refused=True) for name, what, manifest in rows)
    yield Case("http-in-packument", "a dependency from another origin, in the packument only", "exotic-dependency", packed={"main": "x"},
               registry={"dependencies": {DEPENDENCY: foreign}}, refused=True)
    yield Case("http-in-tarball", "the same in the tarball only", "exotic-dependency",
               packed={"dependencies": {DEPENDENCY: foreign}}, refused=True)
    for name, registry in (("shrinkwrap", {"_hasShrinkwrap": True}), ("shrinkwrap-untold", {"_hasShrinkwrap": False})):
        yield Case(name, "an npm-shrinkwrap.json that pins a URL of another origin", "shrinkwrap-included", on_registry, registry,
                   files={"npm-shrinkwrap.json": json.dumps(lock)}, markers=(f"{DEPENDENCY}.hook",))
    yield Case("tarball-elsewhere", "dist.tarball at another origin", "first-release", dist={"tarball": foreign})


def _integrity():
    """Releases whose dist says little, or contradicts itself."""
    wrong = tarballs.integrity(b"something else")
    data = {name: Case(name, "", "").release().tarball for name in ("sha512-wrong-sha1-right", "sha512-twice")}
    yield Case("no-integrity", "neither integrity nor shasum", "first-release", dist={"integrity": None, "shasum": None})
    yield Case("sha1-only", "a shasum only", "first-release", dist={"integrity": None})
    yield Case("sha512-wrong", "an integrity of other bytes", "integrity-mismatch", dist={"integrity": wrong}, refused=True)
    yield Case("sha512-wrong-sha1-right", "a wrong sha512 beside a right sha1", "integrity-mismatch", refused=True,
               dist={"integrity": f"{wrong} {sha1_integrity(data['sha512-wrong-sha1-right'])}"})
    yield Case("sha512-twice", "a right and a wrong sha512", "first-release",
               dist={"integrity": f"{tarballs.integrity(data['sha512-twice'])} {wrong}"})


def sha1_integrity(data):
    """Subresource integrity with SHA-1, as yarn 4 is content with."""
    import base64  # pylint: disable=import-outside-toplevel

    return "sha1-" + base64.b64encode(bytes.fromhex(tarballs.shasum(data))).decode()


def _implicit():
    """Install code that nobody declares."""
    yield Case("gyp", "binding.gyp and no word of it", "implicit-install-added", files={"binding.gyp": _gyp("gyp")}, markers=("gyp.gyp",))
    yield Case("gyp-denied", "binding.gyp beside gypfile: false", "implicit-install-added", {"gypfile": False},
               files={"binding.gyp": _gyp("gyp-denied")}, markers=("gyp-denied.gyp",))
    yield Case("gyp-preinstall", "binding.gyp beside a preinstall: yarn runs both", "implicit-install-added",
               _hooks("gyp-preinstall", "A", "preinstall"), files={"binding.gyp": _gyp("gyp-preinstall")}, markers=("gyp-preinstall.gyp",))
    inner = {"name": "inner", "version": "1.0.0", **_hooks("bundled", "inner")}
    yield Case("bundled", "a bundled package with a hook", "bundled-install-script-added",
               {"dependencies": {"inner": "1.0.0"}, "bundleDependencies": ["inner"]},
               files={"node_modules/inner/package.json": inner}, markers=("inner.hook",))
    yield Case("bundled-in-packument", "the same, and only the packument says that it is bundled", "bundled-install-script-added",
               {"dependencies": {"inner": "1.0.0"}}, {"bundleDependencies": ["inner"]},
               files={"node_modules/inner/package.json": {**inner, **_hooks("bundled-in-packument", "inner")}}, markers=("inner.hook",))
    yield Case("bundled-untold", "a package in node_modules that is not declared: npm rebuild runs its hook", "bundled-install-script-added",
               files={"node_modules/inner/package.json": {**inner, **_hooks("bundled-untold", "inner")}})
    yield Case("gyp-unasked", "commands in a common.gypi, which node-gyp includes unasked", "implicit-install-added",
               files={"binding.gyp": f"{{{_GYP_TARGETS}}}\n", "common.gypi": _gyp("gyp-unasked", "")},
               markers=("gyp-unasked.gyp",))
    yield from _shadows()


def _shell(case):
    """A sh that leaves a marker and is a sh."""
    return f"#!/bin/sh\n{mark(f'{case}.evil')}\nexec /bin/sh \"$@\"\n"


def _shadows():
    """Commands of the package's own in front of those that hooks call."""
    yield Case("bin-directory", "a directory of bins with a sh in it, and a hook: pnpm runs it", "bin-shadows-command",
               {"directories": {"bin": "cmd"}, **_hooks("bin-directory", "A")}, files={"cmd/sh*x": _shell("bin-directory")},
               markers=("bin-directory.evil",))
    yield Case("bin-own", "a sh in the package's own node_modules/.bin, and a hook", "bin-shadows-command", _hooks("bin-own", "A"),
               files={"node_modules/.bin/sh*x": _shell("bin-own")}, markers=("bin-own.evil",))
    yield Case("bin-bundled", "a bundled package with a bin called sh, and a hook", "bin-shadows-command",
               {"dependencies": {"inner": "1.0.0"}, "bundleDependencies": ["inner"], **_hooks("bin-bundled", "A")},
               files={"node_modules/inner/package.json": {"name": "inner", "version": "1.0.0", "bin": {"sh": "evil.sh"}},
                      "node_modules/inner/evil.sh*x": _shell("bin-bundled")}, markers=("bin-bundled.evil", "inner.hook"))
    shadow = f"#!/bin/sh\n{mark('bin-shadow.evil')}\n"
    yield Case("bin-shadow", "a bin called sh, and a hook", "bin-shadows-command",
               {"bin": {"sh": "evil.sh"}, **_hooks("bin-shadow", "A")}, files={"evil.sh*x": shadow}, markers=("bin-shadow.evil",))


def _confusion():
    """Packument and tarball say different things: npm believes the one, the others the other."""
    nothing = {"main": "index.js"}
    yield Case("scripts-in-tarball", "a hook in the tarball only", "manifest-mismatch", packed=_hooks("scripts-in-tarball", "B"))
    yield Case("scripts-in-packument", "a hook in the packument only", "manifest-mismatch", packed=nothing,
               registry={**_hooks("scripts-in-packument", "B"), "hasInstallScript": True})
    yield Case("scripts-untold", "the same without hasInstallScript", "manifest-mismatch", packed=nothing,
               registry=_hooks("scripts-untold", "B"))
    yield Case("scripts-no-package-json", "a hook in the packument, no package.json", "archive-refused", packed={}, refused=True,
               registry={**_hooks("scripts-no-package-json", "B"), "hasInstallScript": True})
    yield Case("scripts-differ", "different hooks in both", "manifest-mismatch", packed=_hooks("scripts-differ", "B"),
               registry={**_hooks("scripts-differ", "A"), "hasInstallScript": True})
    dependency = {"dependencies": {DEPENDENCY: "1.0.0"}}
    yield Case("dependency-in-tarball", "a dependency in the tarball only", "manifest-mismatch", packed=dependency,
               markers=(f"{DEPENDENCY}.hook",))
    yield Case("dependency-in-packument", "a dependency in the packument only", "manifest-mismatch", packed=nothing, registry=dependency,
               markers=(f"{DEPENDENCY}.hook",))
    yield Case("other-name", "another name in the tarball", "manifest-mismatch", packed={"name": "crafted-other", **_hooks("other-name", "A")},
               registry={**_hooks("other-name", "A"), "hasInstallScript": True})
    yield Case("other-version", "another version in the tarball", "manifest-mismatch", packed={"version": "9.9.9"})
    yield Case("duplicate-in-manifest", "a manifest with scripts twice", "", refused=True)


def cases(origin):
    """All cases, in a fixed order."""
    yield from _implicit()
    yield from _confusion()
    yield from _integrity()
    yield from _bypass(origin)


def packages(origin):
    """The packages of all cases and the registry's copies of their dependencies."""
    for case in cases(origin):
        yield Package(f"crafted-{case.name}", [case.release()])
    hook = {"scripts": {"postinstall": mark(f"{DEPENDENCY}.hook")}}
    yield Package(DEPENDENCY, [Release("1.0.0", published=days_ago(500), manifest=hook)])
    inner = {"scripts": {"postinstall": mark("inner.hook")}}
    yield Package("inner", [Release("1.0.0", published=days_ago(500), manifest=inner)])
