"""People and their browser at a real OpenID provider (npm's oidc-provider, scripts/install-desk-tools.sh), over plain HTTP, standard library only."""

import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.parse
from html import unescape

import clients
import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
USERS = {"rita": ["security"], "paul": ["platform", "other"], "dora": ["shop"]}


def modules():
    """node_modules of the desk's tools; None if they are not installed."""
    folder = pathlib.Path(os.environ.get("NPM_GATE_DESK_TOOLS", ROOT / "build" / "desk-tools")) / "node_modules"
    return folder if (folder / "oidc-provider").is_dir() else None


class Identity:
    """A provider on a port that is known before it runs. rita is in `security`, paul in `platform`, dora in neither."""

    def __init__(self):
        self.port, self.process, self.base = wire.free_port(), None, pathlib.Path(tempfile.mkdtemp(prefix="identity-"))

    @property
    def issuer(self):
        """As gate.yaml has it."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **more):
        """The part of gate.yaml under `admin`."""
        return {"sign_in": {"issuer": self.issuer, "client_id": "npm-gate", "client_secret_env": "DESK_SECRET", "scopes": ["profile", "groups"],
                            "review": ["security"], "admin": ["platform"], **more}}

    def start(self, redirects, key="key-1", claims_in_token=True):
        """Runs it until stop(); `key` names its signing key, which is another one at each start."""
        self.stop()
        (self.base / "settings.json").write_text(json.dumps({
            "modules": str(modules()), "port": self.port, "client": {"id": "npm-gate", "secret": "a&secret: of tests"}, "redirects": redirects,
            "key": key, "users": USERS, "claims_in_token": claims_in_token}))
        with open(self.base / "log", "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [str(clients.node_binary()), str(ROOT / "tests/e2e/desk-tools/provider.mjs"), str(self.base / "settings.json")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env={"PATH": os.environ["PATH"], "HOME": str(self.base)})
        if not wire.eventually(self._answers, 60):
            raise AssertionError("the provider did not start:\n" + (self.base / "log").read_text()[-3000:])

    def stop(self):
        """Ends it, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.base, ignore_errors=True)

    def _answers(self):
        try:
            return self.process.poll() is None and wire.send(self.issuer, "/.well-known/openid-configuration", timeout=5).status == 200
        except OSError:
            return False


class Form:
    """The first form of a page: where it goes, and its fields."""

    def __init__(self, page):
        form = re.search(r"<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", page, re.S)
        assert form, page
        self.action = unescape(form[1])
        tags = [dict(re.findall(r"([a-z]+)=\"([^\"]*)\"", tag)) for tag in re.findall(r"<input[^>]*>", form[2])]
        self.fields = {unescape(tag["name"]): unescape(tag.get("value", "")) for tag in tags if "name" in tag and tag.get("type") != "checkbox"}


class Walker:
    """A browser without scripts: cookies by host and port, redirects followed one at a time, `refresh` as a page of the desk uses it."""

    def __init__(self):
        self.cookies, self.url, self.status, self.headers, self.page = {}, None, 0, {}, ""

    def send(self, url, form=None, **headers):
        """One exchange, no redirect followed. Returns the text."""
        url = urllib.parse.urljoin(self.url or url, url)
        parts = urllib.parse.urlsplit(url)
        jar = self.cookies.setdefault(parts.netloc, {})
        fields = {"Accept": "text/html", **headers}
        path = parts.path or "/"
        sent = [f"{name}={value}" for (name, at), value in jar.items() if path.startswith(at)]
        if sent:
            fields["Cookie"] = "; ".join(sent)
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form, doseq=True)
            fields |= {"Content-Type": "application/x-www-form-urlencoded"}
            fields.setdefault("Origin", f"{parts.scheme}://{parts.netloc}")
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            connection.request("POST" if form is not None else "GET", path + ("?" + parts.query if parts.query else ""), body, fields)
            answer = connection.getresponse()
            self.url, self.status, self.headers = url, answer.status, answer.headers
            self.page = answer.read().decode(errors="replace")
        finally:
            connection.close()
        for cookie in self.headers.get_all("set-cookie") or []:
            name, _, value = cookie.split(";")[0].partition("=")
            at = re.search(r"(?i);\s*path=([^;]*)", cookie)
            jar[(name, at[1] if at else "/")] = value
        return self.page

    def go(self, url, form=None):
        """The same with redirects followed."""
        self.send(url, form)
        for _ in range(10):
            if self.status not in (301, 302, 303):
                return self.page
            self.send(self.headers["location"])
        raise AssertionError(f"redirected without end: {self.url}")

    def sign_in_as(self, who):
        """Fills in the provider's forms: who, and yes to what is asked. Ends on the gate's page that follows."""
        provider = urllib.parse.urlsplit(self.url).netloc
        for _ in range(4):
            if urllib.parse.urlsplit(self.url).netloc != provider:
                return self.page
            form = Form(self.page)
            self.go(form.action, {**form.fields, **({"login": who, "password": "any"} if "login" in form.fields else {})})
        raise AssertionError(f"the provider asks on: {self.page[:1000]}")

    def led_on(self):
        """Where a page leads on by itself."""
        to = re.search(r"http-equiv=\"refresh\" content=\"0;url=([^\"]*)\"", self.page)
        assert to, self.page[:1500]
        return self.go(unescape(to[1]))
