#!/usr/bin/env python3
"""The end of the process is bounded whatever it would wait for: a name server, a mail server, a disk that takes nothing."""

import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import wire
from fixture_registry import FixtureRegistry, Package, Release, days_ago
from gate import Gate

SMALL = Package("small", [Release("1.0.0", published=days_ago(300))])


class Ending(case.EndToEnd):
    """SIGTERM while something does not answer."""

    def setUp(self):
        if shutil.which("cc") is None:
            raise unittest.SkipTest("no C compiler")
        self.base = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        library = self.base / "hanging_calls.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, pathlib.Path(__file__).with_name("hanging_calls.c"), "-ldl"], check=True)
        self.sync = self.base / "sync-hangs"
        self.registry = self.enterContext(FixtureRegistry([SMALL]))
        self.environment = {"LD_PRELOAD": str(library), "HANGING_SYNC": str(self.sync), "HANGING_SEEN": str(self.base / "hanging")}

    def gate(self, policy=None, **settings):
        """With the calls that hang."""
        return self.enterContext(Gate(self.registry.url, policy, settings, self.environment))

    def test_a_name_server_that_never_answers(self):
        """The other upstream is served beside it, on the same loop, and the end does not wait for the lookup."""
        upstreams = [{"name": "silent", "url": "http://silent.example/", "scopes": ["@silent"]}, {"name": "public", "url": self.registry.url}]
        gate = self.gate(upstreams=upstreams, listen={"loops": 1, "drain": "1s"})
        asking = threading.Thread(target=lambda: self.asked(gate), daemon=True)
        asking.start()
        self.assertTrue(wire.eventually((self.base / "hanging").exists))
        self.assertEqual(gate.tarball("small", "1.0.0").status, 200)
        gate.stop()
        self.assertIn("everything is on disk", gate.log())
        self.assertNotIn("not waited for", gate.log())
        asking.join(20)

    def asked(self, gate):
        """What becomes of it is not the point."""
        try:
            gate.packument("@silent/one")
        except OSError:
            pass

    def test_a_mail_server_that_never_speaks(self):
        """The mail is given up at once and sent after the next start."""
        silent = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        sink = {"name": "mail", "type": "email", "server": f"smtp://127.0.0.1:{silent.getsockname()[1]}", "from": "gate@corp.example",
                "to": ["ops@corp.example"], "starttls": False}
        policy = "version: 1\nrules: [{ id: hook, when: { finding: install-script-added }, then: quarantine }]\n"
        gate = self.gate(policy, alerts={"wait": "0s", "sinks": [sink]}, watch={"packages": ["small"], "min_interval": "200ms", "max_interval": "400ms", "budget": "6000/min"})
        self.assertEqual(gate.tarball("small", "1.0.0").status, 200)
        self.registry.forget_requests()
        self.assertTrue(wire.eventually(lambda: self.registry.seen("/small")), gate.log_end())
        hooked = Release("1.0.1", published=days_ago(0), manifest={"scripts": {"preinstall": "node index.js"}})
        self.registry.publish("small", hooked)
        silent.settimeout(30)
        try:
            peer = silent.accept()[0]
        except OSError:
            self.fail(gate.log_end())
        gate.stop()
        self.assertIn("everything is on disk", gate.log())
        self.assertNotIn("not waited for", gate.log())
        peer.close()
        gate.restart()
        silent.accept()[0].close()

    def test_a_disk_that_takes_nothing(self):
        """What cannot be brought to the disk is not waited for: the next gate finds what was there before."""
        gate = self.gate(listen={"drain": "1s"})
        self.assertEqual(gate.tarball("small", "1.0.0").status, 200)
        self.sync.touch()
        gate.stop()
        self.assertIn("the end is not waited for any longer", gate.log())
        self.sync.unlink()
        gate.restart()
        self.registry.fault("*", "close")
        self.assertEqual(gate.tarball("small", "1.0.0").status, 200)


if __name__ == "__main__":
    case.main()
