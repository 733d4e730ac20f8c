"""End-to-end tests with a git server beside the registry."""

import unittest

import case
from fixture_registry import FixtureRegistry
from gate import Gate
from git_server import GitServer, backend


class GitEndToEnd(case.EndToEnd):
    """A registry, a git server, a gate that may ask it."""

    POLICY = ""
    TIMEOUT = "15s"  # of what the gate asks the git server

    def setUp(self):
        if backend() is None:
            raise unittest.SkipTest("git http-backend is not installed (scripts/install-packages.sh test)")
        self.server = self.enterContext(GitServer())
        self.registry = self.enterContext(FixtureRegistry())

    def gate(self, **git):
        """A gate that trusts the server's certificate and may ask this address."""
        settings = {"hosts": [], "private_hosts": ["127.0.0.1"], "ca": str(self.server.ca), "cache": "1s", "timeout": self.TIMEOUT, **git}
        return self.enterContext(Gate(self.registry.url, policy=self.POLICY, settings={"git": settings, "packuments": {"fresh": "1s", "stale": "1h"}}))
