#!/usr/bin/env python3
"""Every sink against the other side as it really answers: webhook with signature, Slack, Teams, mail by a real SMTP server."""

import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
# pylint: disable=wrong-import-position
import case
import certificates
import incidents
import sinks
import wire
from fixture_registry import FixtureRegistry, days_ago
from gate import Gate, environment, run
from mail_server import MailServer

POLICY = """\
version: 1
rules:
  - { id: takeover, when: { finding: install-script-added, younger_than: 14d }, then: quarantine }
"""
WATCH = {"min_interval": "200ms", "max_interval": "400ms", "budget": "6000/min"}
PEOPLE = ["security@corp.example", "gone@corp.example"]
ZERO_WIDTH_SPACE = "\u200b"  # how Slack's formatting is defused
LOGIN = ("gate", "mail-secret")


class Scene(case.EndToEnd):
    """Packages as they were before the bad releases, and a certificate authority that the gate is told of."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = certificates.Authority(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="gate-sinks-")))
        cls.pair = cls.authority.issue("mail")

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gate-sinks-")))

    def mail(self, name="mail", tls="starttls", login=LOGIN, **more):
        """A mail server and the sink for it, its password in a file."""
        server = self.enterContext(MailServer(tls, None if tls == "none" else self.pair, login))
        (self.folder / "password").write_text(LOGIN[1] + "\n")
        sink = {"name": name, "type": "email", "server": server.url, "from": "gate@corp.example", "to": PEOPLE, "ca": str(self.authority.certificate)}
        if login:
            sink |= {"user": login[0], "password_file": str(self.folder / "password")}
        return server, sink | more


class Running(Scene):
    """A gate that watches three packages."""

    def gate(self, *sink_list, **alerts):
        """A gate with these sinks."""
        self.registry = self.enterContext(FixtureRegistry(self.before(incident) for incident in incidents.ALL))
        names = [incident.name for incident in incidents.ALL]
        settings = {"alerts": {"wait": "0s", "sinks": list(sink_list), **alerts}, "watch": {**WATCH, "packages": names}}
        running = self.enterContext(Gate(self.registry.url, policy=POLICY, settings=settings, env={"HOOK_SECRET": "hook-secret"}))
        self.assertTrue(wire.eventually(lambda: all(self.registry.seen(f"/{name}") for name in names)), running.log_end())
        return running

    @staticmethod
    def before(incident):
        """The package without its bad releases."""
        package = incident.packages()[0]
        package.releases = [release for release in package.releases if release.version in incident.good]
        package.tags = None
        return package

    def publish(self, incident):
        """The first bad release appears."""
        self.registry.publish(incident.name, incident.bad_release(incident.bad[0], days_ago(0)))

    def listed(self, gate):
        """`npm-gate alerts list`, by sink: [(state, detail)], newest first."""
        done = gate.command("alerts", "list", "--json", env=environment(**gate.env))
        rows = {}
        for line in done.stdout.splitlines():
            row = json.loads(line)
            rows.setdefault(row["sink"], []).append((row["state"], row.get("detail", "")))
        return rows

    def test_every_sink_hears_of_a_takeover_once(self):
        """The same news in the form that each side takes."""
        hook, slack, teams = (self.enterContext(fake) for fake in (sinks.Hook("hook-secret"), sinks.Slack(), sinks.Teams()))
        mail, mail_sink = self.mail()
        gate = self.gate({"name": "hook", "type": "webhook", "url": hook.url, "secret_env": "HOOK_SECRET"},
                         {"name": "slack", "type": "slack", "url": slack.url + "services/T0/B0/x"},
                         {"name": "teams", "type": "teams", "url": teams.url + "workflows/x"}, mail_sink)
        self.publish(incidents.UA_PARSER_JS)
        self.assertTrue(wire.eventually(lambda: hook.messages and slack.messages and teams.messages and mail.messages, 30), gate.log_end())
        self.assertIn("ua-parser-js@0.7.29 is quarantined", slack.messages[0]["text"].replace(ZERO_WIDTH_SPACE, ""))
        card = teams.messages[0]["attachments"][0]["content"]["body"]
        self.assertIn("ua\\-parser\\-js&#64;0\\.7\\.29 is quarantined", card[0]["text"])
        taken = mail.messages[0]
        self.say(taken["message"]["Subject"])
        self.assertEqual((taken["from"], taken["to"], taken["secure"], taken["user"]), ("gate@corp.example", PEOPLE, True, "gate"))
        self.assertIn("ua-parser-js@0.7.29 is quarantined", taken["message"]["Subject"])
        self.assertIn("install-script-added: ", taken["message"].get_payload(decode=True).decode())
        self.assertTrue(wire.eventually(lambda: [rows[0][0] for rows in self.listed(gate).values()] == ["sent"] * 4), self.listed(gate))
        self.assertEqual([len(each.messages) for each in (hook, slack, teams, mail)], [1, 1, 1, 1])

    def test_what_is_tried_again_and_what_is_given_up(self):
        """429 with Retry-After, 5xx and 451 come back; 404, 400 and 550 are dead at once, with the reason in the list."""
        busy, slow, gone, picky = (self.enterContext(fake) for fake in (sinks.Hook("hook-secret"), sinks.Slack(), sinks.Slack(), sinks.Teams()))
        busy.fail_next(429, headers={"Retry-After": "12"})
        slow.fail_next(500, message="rollup_error")
        gone.fail_next(404, times=100, message="no_service")
        picky.fail_next(400, times=100, message="request body is too large")
        grey, grey_sink = self.mail("grey")
        full, full_sink = self.mail("full")
        grey.answer("DATA", "451 4.7.1 try again later")
        full.answer("RCPT", "550 5.1.1 no such user")
        gate = self.gate({"name": "busy", "type": "webhook", "url": busy.url, "secret_env": "HOOK_SECRET"},
                         {"name": "slow", "type": "slack", "url": slow.url}, {"name": "gone", "type": "slack", "url": gone.url},
                         {"name": "picky", "type": "teams", "url": picky.url}, grey_sink, full_sink)
        self.publish(incidents.UA_PARSER_JS)
        self.assertTrue(wire.eventually(lambda: "451 4.7.1 try again later" in str(self.listed(gate).get("grey")), 30), self.listed(gate))
        grey.answer("DATA")
        self.assertTrue(wire.eventually(lambda: busy.messages and slow.messages and grey.messages, 60), gate.log_end())
        self.assertTrue(wire.eventually(lambda: "pending" not in str(self.listed(gate))), self.listed(gate))
        rows = self.listed(gate)
        self.say(rows)
        self.assertEqual({name: state for name, ((state, _),) in rows.items()},
                         {"busy": "sent", "slow": "sent", "gone": "dead", "picky": "dead", "grey": "sent", "full": "dead"})
        self.assertEqual(rows["gone"][0][1], "status 404: no_service")
        self.assertEqual(rows["picky"][0][1], "status 400: request body is too large")
        self.assertIn("550 5.1.1 no such user", rows["full"][0][1])
        # Retry-After is a lower limit.
        first, second = [request.when for request in busy.requests]
        self.assertGreaterEqual(second - first, 12)
        self.assertEqual([len(fake.requests) for fake in (slow, gone, picky)], [2, 1, 1])
        self.assertIn("alert-dead", gate.log())

    def test_a_rate_limit_holds_one_sink_back(self):
        """What is over the limit waits, and is listed as waiting; the sink without a limit hears everything."""
        free, tight = (self.enterContext(fake) for fake in (sinks.Slack(), sinks.Slack()))
        gate = self.gate({"name": "free", "type": "slack", "url": free.url}, {"name": "tight", "type": "slack", "url": tight.url, "rate": "1/h"},
                         max_wait="0s")
        for number, incident in enumerate(incidents.ALL, 1):
            self.publish(incident)
            self.assertTrue(wire.eventually(lambda n=number: len(free.messages) == n and tight.messages, 30), gate.log_end())
        self.assertTrue(wire.eventually(lambda: self.listed(gate)["tight"] == [("waiting", ""), ("waiting", ""), ("sent", "status 200")]),
                        self.listed(gate))
        self.assertEqual(len(tight.messages), 1)


class Tested(Scene):
    """`npm-gate alerts test`: a marked message to each, exit 3 with the reason where it does not arrive."""

    def sent(self, *sink_list, name=(), secret="hook-secret"):
        """Runs it over these sinks: exit code and output."""
        config = self.folder / "gate.yaml"
        config.write_text(f'upstreams: [{{ name: public, url: "http://127.0.0.1:9/" }}]\nalerts: {json.dumps({"sinks": list(sink_list)})}\n')
        done = run("alerts", "test", *name, "--config", config, env=environment(HOOK_SECRET=secret))
        self.say(done.stdout.strip() or done.stderr.strip())
        return done.returncode, done.stdout + done.stderr

    def test_hooks(self):
        """Webhook, Slack, Teams: reached; refused for a wrong signature, a taken-back token, a removed address."""
        for kind, fake, answer in (("webhook", sinks.Hook("hook-secret"), "status 200"), ("slack", sinks.Slack(), "status 200"),
                                   ("teams", sinks.Teams(), "status 202")):
            with self.subTest(kind=kind), fake:
                sink = {"name": "it", "type": kind, "url": fake.url} | ({"secret_env": "HOOK_SECRET"} if kind == "webhook" else {})
                self.assertEqual(self.sent(sink), (0, f"it ({kind}): reached, {answer}\n"))
                self.assertIn("test: npm-gate can reach this sink", json.dumps(fake.messages, ensure_ascii=False).replace("\\", "").replace(ZERO_WIDTH_SPACE, ""))
                fake.fail_next(403, message="invalid_token")
                code, text = self.sent(sink)
                self.assertEqual(code, 3)
                self.assertRegex(text, rf"it \({kind}\): not reached, status 403: .*invalid_token")
        with sinks.Hook("hook-secret") as fake:
            sink = {"name": "it", "type": "webhook", "url": fake.url, "secret_env": "HOOK_SECRET"}
            code, text = self.sent(sink, secret="another")
            self.assertEqual((code, fake.messages), (3, []))
            self.assertIn("status 401", text)
        code, text = self.sent({"name": "it", "type": "webhook", "url": f"http://127.0.0.1:{wire.free_port()}/"})
        self.assertEqual(code, 3)
        self.assertIn("not reached, unavailable: no answer from the address", text)

    def test_mail(self):
        """STARTTLS, implicit TLS and neither, with and without login."""
        for tls, login, more in (("starttls", LOGIN, {}), ("implicit", LOGIN, {}), ("starttls", None, {}), ("none", None, {"starttls": False})):
            with self.subTest(tls=tls, login=login):
                server, sink = self.mail("it", tls, login, **more)
                self.assertEqual(self.sent(sink), (0, "it (email): reached, accepted (250)\n"))
                self.assertTrue(wire.eventually(lambda s=server: s.messages))
                (taken,) = server.messages
                self.assertEqual((taken["secure"], taken["user"]), (tls != "none", "gate" if login else ""))
                self.assertEqual(taken["message"]["Auto-Submitted"], "auto-generated")

    def test_mail_that_is_not_sent(self):
        """Wrong password, a certificate that nobody vouches for, a server without TLS: told, and nothing leaves in the clear."""
        server, sink = self.mail("it")
        (self.folder / "password").write_text("wrong\n")
        code, text = self.sent(sink)
        self.assertEqual((code, "not reached" in text, "mail-secret" in text or "wrong" in text), (3, True, False), text)
        (self.folder / "password").write_text(LOGIN[1])
        code, text = self.sent({name: value for name, value in sink.items() if name != "ca"})
        self.assertEqual((code, "certificate" in text), (3, True), text)
        plain, plain_sink = self.mail("it", "none", LOGIN)
        code, text = self.sent(plain_sink)
        self.assertEqual((code, plain.messages), (3, []), text)
        self.assertRegex(text, "(?i)starttls|tls")
        self.assertEqual(server.messages, [])

    def test_one_bad_address_does_not_silence_the_others(self):
        """The server refuses one of two recipients."""
        server, sink = self.mail("it")
        server.answer("RCPT", "550 5.1.1 no such user @only " + PEOPLE[1])
        self.assertEqual(self.sent(sink)[0], 0)
        self.assertTrue(wire.eventually(lambda: server.messages))
        self.assertEqual([message["to"] for message in server.messages], [[PEOPLE[0]]])

    def test_one_sink_by_name(self):
        """Only that one hears; an unknown name is a usage mistake."""
        with sinks.Slack() as one, sinks.Slack() as other:
            both = [{"name": "one", "type": "slack", "url": one.url}, {"name": "other", "type": "slack", "url": other.url}]
            self.assertEqual(self.sent(*both, name=["other"]), (0, "other (slack): reached, status 200\n"))
            self.assertEqual((len(one.messages), len(other.messages)), (0, 1))
            code, text = self.sent(*both, name=["nobody"])
            self.assertEqual((code, "no sink is named 'nobody'" in text), (2, True), text)


if __name__ == "__main__":
    case.main()
