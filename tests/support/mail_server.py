"""A real SMTP server on loopback: Debian's aiosmtpd in a process of its own, with or without TLS and login.

    with MailServer(tls="starttls", pair=(certificate, key), login=("gate", "secret")) as mail:
        mail.url         # smtp://localhost:PORT, or smtps:// with tls="implicit"
        mail.messages    # [{"from", "to", "secure", "user", "message": email.message.Message}, …]
        mail.answer("RCPT", "550 no such user")   # from now on; answer("RCPT") ends it

python3-aiosmtpd is Debian's and belongs to Debian's interpreter, which need not be the one that runs the tests.
"""

import argparse
import email
import json
import pathlib
import subprocess
import sys
import threading
import unittest

INTERPRETERS = (sys.executable, "/usr/bin/python3")


def interpreter():
    """The first interpreter that has aiosmtpd; the test is skipped where none has."""
    for path in INTERPRETERS:
        if pathlib.Path(path).exists() and subprocess.run([path, "-c", "import aiosmtpd"], capture_output=True, check=False).returncode == 0:
            return path
    raise unittest.SkipTest("python3-aiosmtpd is not installed (scripts/install-packages.sh test)")


class MailServer:
    """The process, and what it took. Thread-safe."""

    def __init__(self, tls="none", pair=None, login=None):
        self.command = [interpreter(), "-B", "-W", "ignore", __file__, "--tls", tls]
        if pair:
            self.command += ["--certificate", str(pair[0]), "--key", str(pair[1])]
        if login:
            self.command += ["--user", login[0], "--password", login[1]]
        self.scheme = "smtps" if tls == "implicit" else "smtp"
        self.messages, self.port, self._process, self._reader = [], 0, None, None
        self._heard = threading.Semaphore(0)

    def __enter__(self):
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = json.loads(self._process.stdout.readline())["port"]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(20)
        self._reader.join(20)
        self._process.stdout.close()

    @property
    def url(self):
        """As gate.yaml has it."""
        return f"{self.scheme}://localhost:{self.port}"

    def answer(self, verb, reply=""):
        """What `verb` (RCPT, DATA) is answered from now on; "" = as usual. "550 no @only ADDRESS": RCPT for that one."""
        self._process.stdin.write(json.dumps([verb, reply]) + "\n")
        self._process.stdin.flush()
        self._heard.acquire()

    def _read(self):
        for line in self._process.stdout:
            kept = json.loads(line)
            if "heard" in kept:
                self._heard.release()
                continue
            kept["message"] = email.message_from_string(kept.pop("text"))
            self.messages.append(kept)


def serve(options):
    """Runs in the process of its own until its standard input ends."""
    import logging  # pylint: disable=import-outside-toplevel
    import socket  # pylint: disable=import-outside-toplevel
    import ssl  # pylint: disable=import-outside-toplevel

    from aiosmtpd.controller import Controller  # pylint: disable=import-outside-toplevel,import-error
    from aiosmtpd.smtp import AuthResult  # pylint: disable=import-outside-toplevel,import-error

    answers = {}
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)

    class Handler:
        """aiosmtpd calls these by name."""

        async def handle_RCPT(self, _server, _session, envelope, address, _options):  # pylint: disable=invalid-name,too-many-arguments
            """Takes the address, or answers as planned."""
            reply, _, only = answers.get("RCPT", "").partition("@only ")
            if reply and only in ("", address):
                return reply.strip()
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server, session, envelope):  # pylint: disable=invalid-name
            """Hands the message to the test."""
            if answers.get("DATA"):
                return answers["DATA"]
            print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "secure": options.tls == "implicit" or session.ssl is not None,
                              "user": session.auth_data if session.authenticated else "", "text": envelope.content.decode()}), flush=True)
            return "250 kept"

    def login(_server, _session, _envelope, _mechanism, data):
        user, password = data.login.decode(), data.password.decode()
        good = (user, password) == (options.user, options.password)
        return AuthResult(success=good, handled=good, auth_data=user)

    class OnAnyPort(Controller):
        """Listens where the system has room."""

        def _create_server(self):
            return self.loop.create_server(self._factory_invoker, sock=listening, ssl=self.ssl_context)

    listening = socket.create_server(("127.0.0.1", 0))
    context = None
    if options.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
    more = {"authenticator": login, "auth_required": True, "auth_require_tls": False} if options.user else {}
    controller = OnAnyPort(Handler(), hostname="127.0.0.1", port=listening.getsockname()[1],
                           ssl_context=context if options.tls == "implicit" else None,
                           tls_context=context if options.tls == "starttls" else None, **more)
    controller.start()
    print(json.dumps({"port": controller.port}), flush=True)
    for line in sys.stdin:
        verb, reply = json.loads(line)
        answers[verb] = reply
        print(json.dumps({"heard": verb}), flush=True)
    controller.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tls", choices=("none", "starttls", "implicit"), default="none")
    for name in ("certificate", "key", "user", "password"):
        parser.add_argument(f"--{name}")
    serve(parser.parse_args())
