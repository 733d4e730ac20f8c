"""Where alerts go, as fakes on loopback: a webhook receiver, Slack, Teams, GitHub's issues API, each with its real error answers.

    with Hook() as hook:                      hook.messages      # parsed bodies, oldest first
    with Slack() as chat:                     chat.messages
    with GitHub({"coa": "veged/coa"}) as hub: hub.issues("veged/coa")

A mail server is in mail_server.py.
"""

import dataclasses
import hashlib
import hmac
import http.server
import json
import re
import threading
import time
import urllib.parse
from datetime import datetime, timezone

import fixture_registry

API_VERSION = "2022-11-28"


class _Handler(http.server.BaseHTTPRequestHandler):
    """Reads a request whole and hands it to `owner.answer`, which gives (status, headers, value) or None to hang up."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner = None

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Requests are in the owner's own log."""

    def do_GET(self):
        """Any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = fixture_registry.Request(self.command, urllib.parse.unquote(self.path.partition("?")[0]), self.path, headers,
                                           body, time.time())
        answer = self.owner.answer(request)
        if answer is None:
            self.close_connection = True
            self.connection.close()
            return
        status, more, value = answer
        data = b"" if value is None else value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json", "Content-Length": str(len(data)), **more}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET


class _Fake:
    """A server with a log and planned failures. Thread-safe."""

    def __init__(self):
        self.requests = []
        self.lock = threading.RLock()
        self._plans = []
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = fixture_registry.Server(handler)

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop()

    @property
    def url(self):
        """Base URL with trailing slash."""
        return self._server.url

    def fail_next(self, status, times=1, headers=None, message="", method=None):
        """The next `times` requests (of `method`) are answered with `status` and nothing is done. 0: no answer at all."""
        with self.lock:
            self._plans.append({"status": status, "times": times, "headers": headers or {}, "message": message,
                                "method": method, "after": False})

    def lose_next_answer(self, method):
        """The next request of `method` is carried out, and its answer is lost on the way."""
        with self.lock:
            self._plans.append({"times": 1, "method": method, "after": True})

    def forget_plans(self):
        """Works from now on."""
        with self.lock:
            self._plans.clear()

    def _plan(self, method):
        for plan in self._plans:
            if plan["times"] > 0 and plan["method"] in (None, method):
                plan["times"] -= 1
                return plan
        return None

    def answer(self, request):
        """One request."""
        with self.lock:
            self.requests.append(request)
            plan = self._plan(request.method)
            if plan is not None and not plan["after"]:
                if plan["status"] == 0:
                    return None
                return plan["status"], plan["headers"], self.refusal(plan["message"])
            answer = self.handle(request)
            return None if plan is not None else answer

    def handle(self, request):
        """What the real one would do."""
        raise NotImplementedError

    def refusal(self, message):
        """The body of a planned failure."""
        return {"message": message}


class Hook(_Fake):
    """Takes webhook, Slack and Teams messages. Messages with a key that was seen before are counted, not kept twice."""

    def __init__(self, secret=None):
        super().__init__()
        self.messages, self.repeats, self.secret = [], 0, secret
        self._keys = set()

    def handle(self, request):
        """200; 401 where the signature is wrong."""
        if self.secret is not None and not self._signed(request):
            return 401, {}, {"message": "bad signature"}
        key = request.headers.get("idempotency-key")
        if key is not None and key in self._keys:
            self.repeats += 1
            return 200, {}, {"ok": True}
        self._keys.add(key)
        self.messages.append(json.loads(request.body))
        return 200, {}, {"ok": True}

    def _signed(self, request):
        found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", request.headers.get("x-npm-gate-signature", ""))
        if found is None or abs(time.time() - int(found[1])) > 300:
            return False
        wanted = hmac.new(self.secret.encode(), f"{found[1]}.".encode() + request.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, found[2])

    def events(self):
        """Every event of every message, oldest first (webhook form)."""
        with self.lock:
            return [event for message in self.messages for event in message["events"]]


class _Chat(_Fake):
    """An incoming webhook of a chat system: one path, and a body that must be what its documentation asks for."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def refusal(self, message):
        return message

    def handle(self, request):
        """Takes the message, or says what is wrong with it in plain text."""
        if request.method != "POST" or not request.headers.get("content-type", "").startswith("application/json"):
            return 400, {"Content-Type": "text/plain"}, "invalid_payload"
        try:
            body = json.loads(request.body)
            problem = self.problem(body, len(request.body))
        except (ValueError, KeyError, TypeError) as error:
            problem = f"invalid_payload ({error})"
        if problem:
            return 400, {"Content-Type": "text/plain"}, problem
        self.messages.append(body)
        return self.taken()

    def problem(self, body, size):
        """What is wrong with a body; "" where nothing is."""
        raise NotImplementedError

    def taken(self):
        """The answer to a good one."""
        raise NotImplementedError


class Slack(_Chat):
    """Slack's incoming webhooks (api.slack.com/messaging/webhooks; limits: api.slack.com/reference/block-kit/blocks)."""

    def problem(self, body, size):
        blocks = body["blocks"]
        if not isinstance(body["text"], str) or not 0 < len(body["text"]) <= 40000:
            return "no_text"
        if not 0 < len(blocks) <= 50:
            return "invalid_blocks"
        for block in blocks:
            if block["type"] != "section" or block["text"]["type"] not in ("mrkdwn", "plain_text") or set(block) > {"type", "text", "block_id"}:
                return "invalid_blocks"
            if not 0 < len(block["text"]["text"]) <= 3000:
                return "invalid_blocks"
        return ""

    def taken(self):
        return 200, {"Content-Type": "text/html"}, "ok"


class Teams(_Chat):
    """A Teams workflow "when a webhook request is received": 202 and nothing else; 28 KB at most, adaptive cards of version 1.2 to 1.5."""

    def problem(self, body, size):
        if size > 28 * 1024:
            return "request body is too large"
        if body["type"] != "message" or len(body["attachments"]) != 1:
            return "type must be message with attachments"
        card = body["attachments"][0]
        if card["contentType"] != "application/vnd.microsoft.card.adaptive":
            return "unknown contentType"
        content = card["content"]
        if content["type"] != "AdaptiveCard" or content["version"] not in ("1.2", "1.3", "1.4", "1.5") or not content["body"]:
            return "no adaptive card"
        if any(block["type"] != "TextBlock" or not isinstance(block["text"], str) for block in content["body"]):
            return "unknown element"
        return ""

    def taken(self):
        return 202, {}, None


@dataclasses.dataclass
class Issue:
    """One issue; `comments` are bodies."""

    number: int
    title: str
    body: str
    created: float
    updated: float
    state: str = "open"
    deleted: bool = False
    comments: list = dataclasses.field(default_factory=list)


def _stamp(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class GitHub(_Fake):
    """The part of GitHub's REST API that issues need, with its answers to what is wrong (docs.github.com/rest/issues)."""

    def __init__(self, repositories, token="gh-token"):
        super().__init__()
        self.token = token
        self.repositories = {name: [] for name in repositories}
        self.disabled = set()  # repositories with issues switched off

    def issues(self, repository):
        """Issues of a repository that still exist, oldest first."""
        with self.lock:
            return [issue for issue in self.repositories[repository] if not issue.deleted]

    def delete(self, repository, number):
        """Deletes an issue, as its repository's admin can."""
        with self.lock:
            self.repositories[repository][number - 1].deleted = True

    def limit_next(self, seconds):
        """The primary rate limit is used up for a while."""
        self.fail_next(403, headers={"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0",
                                     "x-ratelimit-reset": str(int(time.time()) + seconds)},
                       message="API rate limit exceeded for user ID 1.")

    def secondary_limit_next(self, seconds):
        """Too much at once."""
        self.fail_next(403, headers={"Retry-After": str(seconds)}, message="You have exceeded a secondary rate limit.")

    def handle(self, request):
        """Routes."""
        if not request.headers.get("user-agent"):
            return 403, {}, {"message": "Request forbidden by administrative rules."}
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return 401, {}, {"message": "Bad credentials", "status": "401"}
        if request.headers.get("x-github-api-version", API_VERSION) != API_VERSION:
            return 400, {}, {"message": "Invalid API version"}
        if request.path == "/rate_limit":
            return 200, {}, {"resources": {}}
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(/issues(?:/(\d+)(/comments)?)?)?", request.path)
        if found is None or found[1] not in self.repositories:
            return 404, {}, {"message": "Not Found", "status": "404"}
        if found[2] is None:
            return 200, {}, {"full_name": found[1], "has_issues": found[1] not in self.disabled}
        if found[1] in self.disabled:
            return 410, {}, {"message": "Issues has been disabled in this repository.", "status": "410"}
        query = dict(urllib.parse.parse_qsl(request.target.partition("?")[2]))
        body = json.loads(request.body) if request.body else {}
        if found[3] is None:
            return self._issues(request.method, found[1], query, body)
        return self._issue(request.method, self.repositories[found[1]], int(found[3]), found[4], query, body)

    def _page(self, items, query, when):
        since = query.get("since")
        if since is not None:
            least = datetime.fromisoformat(since).timestamp()
            items = [item for item in items if when(item) >= int(least)]
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        return items[(page - 1) * size : page * size]

    def _issues(self, method, repository, query, body):
        issues = self.repositories[repository]
        if method == "GET":
            wanted = [i for i in reversed(issues) if not i.deleted and query.get("state", "open") in ("all", i.state)]
            return 200, {}, [self._json(issue) for issue in self._page(wanted, query, lambda i: i.updated)]
        if not body.get("title"):
            return 422, {}, {"message": "Validation Failed",
                             "errors": [{"resource": "Issue", "code": "missing_field", "field": "title"}]}
        if len(body.get("body", "")) > 65536:
            return 422, {}, {"message": "Validation Failed",
                             "errors": [{"resource": "Issue", "code": "custom", "field": "body",
                                         "message": "body is too long (maximum is 65536 characters)"}]}
        now = time.time()
        issues.append(Issue(len(issues) + 1, body["title"], body.get("body", ""), now, now))
        return 201, {}, self._json(issues[-1])

    def _issue(self, method, issues, number, comments, query, body):
        if number > len(issues):
            return 404, {}, {"message": "Not Found", "status": "404"}
        issue = issues[number - 1]
        if issue.deleted:
            return 410, {}, {"message": "This issue was deleted", "status": "410"}
        if comments and method == "GET":
            found = self._page(issue.comments, query, lambda c: c["when"])
            return 200, {}, [{"id": i, "body": comment["body"]} for i, comment in enumerate(found)]
        if comments:
            issue.comments.append({"body": body["body"], "when": time.time()})
            issue.updated = time.time()
            return 201, {}, {"id": len(issue.comments), "body": body["body"]}
        if method == "PATCH":
            issue.state = body.get("state", issue.state)
            issue.updated = time.time()
        return 200, {}, self._json(issue)

    @staticmethod
    def _json(issue):
        return {"number": issue.number, "title": issue.title, "body": issue.body, "state": issue.state,
                "created_at": _stamp(issue.created), "updated_at": _stamp(issue.updated)}
