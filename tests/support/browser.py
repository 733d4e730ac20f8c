"""A real Chromium, driven through chromedriver by W3C WebDriver commands (https://www.w3.org/TR/webdriver2/), standard library only.

    with Browser(width=390, height=844) as browser:
        browser.open(url)
        browser.type("#reason", "a build")
        browser.press("button")
        browser.text("h1")
"""

import base64
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
AXE = pathlib.Path(os.environ.get("NPM_GATE_DESK_TOOLS", ROOT / "build" / "desk-tools")) / "node_modules" / "axe-core" / "axe.min.js"
BARRIERS = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(
  found => done(found.violations.filter(each => each.impact === 'serious' || each.impact === 'critical').map(
    each => each.id + ': ' + each.help + ': ' + each.nodes.slice(0, 3).map(node => node.target.join(' ')).join(', '))),
  error => done(['axe failed: ' + error]));
"""
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, section 12: the web element identifier


def is_installed():
    """Debian's chromium and chromium-driver (scripts/install-packages.sh browser)."""
    return bool(shutil.which("chromedriver") and shutil.which("chromium"))


def screenshots():
    """Where pictures are kept for people."""
    folder = pathlib.Path(os.environ.get("NPM_GATE_SCREENSHOTS", ROOT / "build" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Browser:
    """One window. Every page must be free of script errors and refused loads: `complaints()` tells."""

    def __init__(self, width=1280, height=900, dark=False):
        self.width, self.height, self.dark = width, height, dark
        self.port, self.driver, self.session, self.profile = wire.free_port(), None, None, None

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="gate-browser-")
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}", "--silent"],  # pylint: disable=consider-using-with
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       env={**os.environ, "HOME": self.profile, "TMPDIR": self.profile})
        if not wire.eventually(self._answers, limit=30):
            raise AssertionError("chromedriver does not answer")
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                   "--disable-background-networking", "--no-proxy-server", f"--window-size={self.width},{self.height}",
                   f"--user-data-dir={self.profile}/profile"]
        if self.dark:
            options.append("--force-dark-mode")
        made = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": options},
            "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = made["sessionId"]
        self._call("goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": self.width, "height": self.height, "deviceScaleFactor": 1, "mobile": self.width < 600}})
        return self

    def __exit__(self, *_):
        try:
            if self.session:
                self._send("DELETE", f"/session/{self.session}")
        finally:
            self.driver.terminate()
            self.driver.wait(20)
            shutil.rmtree(self.profile, ignore_errors=True)

    def _answers(self):
        try:
            return self._send("GET", "/status")["ready"]
        except (OSError, http.client.HTTPException):
            return False

    def _send(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{method} {path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def _call(self, path, body=None, method="POST"):
        return self._send(method, f"/session/{self.session}/{path}", body if body is not None or method == "GET" else {})

    # What a person does.
    def open(self, url):
        """Goes there and waits until the page is loaded."""
        self._call("url", {"url": url})

    def find(self, selector):
        """The first element that fits."""
        return self._call("element", {"using": "css selector", "value": selector})[ELEMENT]

    def has(self, selector):
        """Whether any element fits."""
        return bool(self._call("elements", {"using": "css selector", "value": selector}))

    def press(self, selector):
        """A click; waits for the page that follows."""
        self._call(f"element/{self.find(selector)}/click")
        wire.eventually(lambda: self.script("return document.readyState") == "complete")

    def follow(self, words):
        """The link with these words."""
        link = self._call("element", {"using": "partial link text", "value": words})[ELEMENT]
        self._call(f"element/{link}/click")

    def type(self, selector, words):
        """Keys into a field."""
        self._call(f"element/{self.find(selector)}/value", {"text": words})

    def keys(self, words):
        """Keys into whatever has the focus; "\\ue004" is Tab (WebDriver, section 17.4.2)."""
        actions = [step for key in words for step in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        self._call("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    # What a person sees.
    def text(self, selector="body"):
        """The visible text."""
        # In one step: an element that was found may be gone with its page before it is asked.
        return self.script("const found = document.querySelector(arguments[0]); return found ? found.innerText : ''", selector)

    def url(self):
        """The address."""
        return self._call("url", method="GET")

    def script(self, code, *arguments):
        """The value of JavaScript that the driver runs beside the page (the page's own policy does not hold for it)."""
        return self._call("execute/sync", {"script": code, "args": list(arguments)})

    def picture(self, name):
        """A picture of the window for people; returns its path."""
        path = screenshots() / f"{name}.png"
        path.write_bytes(base64.b64decode(self._call("screenshot", method="GET")))
        return path

    def complaints(self):
        """What the browser logged since the last call: refused loads, policy violations, script errors; not that the page itself came with
        an error's status, as a refusal does."""
        own = self.url() + " - Failed to load resource:"
        logged = self._call("se/log", {"type": "browser"})
        return [entry["message"] for entry in logged if entry["level"] in ("SEVERE", "WARNING") and not entry["message"].startswith(own)]

    def wait_for(self, words, limit=20):
        """Until the page shows the words."""
        deadline = time.monotonic() + limit
        while words not in self.text():
            if time.monotonic() > deadline:
                raise AssertionError(f"{words!r} is not on the page: {self.text()[:2000]}")
            time.sleep(0.1)

    def tab_to(self, selector, limit=300):
        """Tab until the element has the focus: what a keyboard alone can reach."""
        for _ in range(limit):
            self.keys("\ue004")
            if self.script("return document.activeElement.matches(arguments[0])", selector):
                return
        raise AssertionError(f"no Tab leads to {selector}")

    def barriers(self):
        """What axe-core finds that is serious or critical; None where it is not installed (scripts/install-desk-tools.sh)."""
        if not AXE.exists():
            return None
        self.script(AXE.read_text(encoding="utf-8") + "; return 0")
        return self._call("execute/async", {"script": BARRIERS, "args": []})

    # What holds for every page.
    def faults(self):
        """Why this page is not fit for everybody: scripts, scrolling sideways, fields without a label, a missing language or heading,
        duplicate ids, words too faint to read (WCAG 2.2, 1.4.3)."""
        return self.script(FAULTS)


FAULTS = r"""
const out = [];
const scripts = document.querySelectorAll('script, iframe, object, embed, [onclick], [onload], [onerror]').length;
if (scripts) out.push(scripts + ' scripts or frames');
const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (over > 1) {
  const wide = [...document.querySelectorAll('body *')].filter(e => e.scrollWidth > document.documentElement.clientWidth);
  out.push('scrolls sideways by ' + over + ': ' + wide.slice(-3).map(e => e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 40)).join(', '));
}
if (!document.documentElement.lang) out.push('no language');
if (!document.title) out.push('no title');
if (document.querySelectorAll('h1').length !== 1) out.push('not one h1');
for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
  if (!field.labels.length && !field.getAttribute('aria-label')) out.push('no label: ' + field.name);
}
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
if (new Set(ids).size !== ids.length) out.push('an id twice');
const light = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c) && c !== 'transparent') return c; }
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'rgb(18, 18, 18)' : 'rgb(255, 255, 255)'; };
for (const e of document.querySelectorAll('body *')) {
  if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
  const box = e.getBoundingClientRect();
  if (!box.width || !box.height) continue;
  const a = light(getComputedStyle(e).color), b = light(behind(e));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) out.push('contrast ' + ratio.toFixed(1) + ': ' + e.textContent.trim().slice(0, 40));
}
return out.slice(0, 20);
"""
