"""The base of every end-to-end test: skips where the program or a client is missing, says what was seen, and main()."""

import os
import sys
import unittest

import clients
import gate

# ctest reads this exit code as "skipped" (SKIP_RETURN_CODE in CMakeLists.txt).
SKIPPED = 77


class EndToEnd(unittest.TestCase):
    """Needs the program."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if gate.binary() is None:
            raise unittest.SkipTest("npm-gate is not built (NPM_GATE_BINARY or build/dev)")

    def say(self, *words):
        """What was seen, for the log of the run."""
        print(" ", *words, flush=True)

    def assert_refused(self, answer, *words):
        """A refusal as every client understands it: 403, one string under `error`, notice and reason phrase beside it."""
        self.assertEqual(answer.status, 403, answer)
        sentence = answer.error()
        self.assertTrue(sentence.startswith("npm-gate: "), answer)
        self.assertNotIn("\n", sentence)
        for word in words:
            self.assertIn(word, sentence)
        return sentence


def installed_clients(*names):
    """The named clients (all without names). NPM_GATE_CLIENTS_ONLY="npm11 bun" narrows them while working on a test."""
    wanted = names or tuple(clients.CLIENTS)
    only = os.environ.get("NPM_GATE_CLIENTS_ONLY", "").split()
    found = clients.available()
    missing = [name for name in wanted if name not in found]
    if missing:
        raise unittest.SkipTest(f"not installed: {' '.join(missing)} (scripts/install-clients.sh)")
    return [found[name] for name in wanted if not only or name in only]


def main():
    """Runs the calling module's tests; exit 77 where every one was skipped."""
    program = unittest.main(module="__main__", exit=False, verbosity=2, testRunner=unittest.TextTestRunner(sys.stdout, verbosity=2))
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.testsRun == len(result.skipped) or not result.testsRun else 0)
