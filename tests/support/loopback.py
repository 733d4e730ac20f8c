"""What the fakes stand on: an HTTP server on loopback, and a CouchDB-style changes feed."""

import http.server
import socket
import threading


class Server(http.server.ThreadingHTTPServer):
    """A loopback HTTP server on an ephemeral port with a thread of its own."""

    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def __init__(self, handler, port=0, context=None):
        super().__init__(("127.0.0.1", port), handler)
        self.scheme = "http"
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        self.thread = None
        self._open = set()  # connections, so that stop() can end those that clients keep alive

    def process_request(self, request, client_address):
        """Called for every connection."""
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        """Called when a connection's thread is done with it."""
        self._open.discard(request)
        super().shutdown_request(request)

    @property
    def url(self):
        """Base URL with trailing slash."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/"

    def start(self):
        """Serves in the background until stop()."""
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def stop(self):
        """Stops listening and ends every connection: from now on the address is unreachable."""
        if self.thread is None:
            return
        self.shutdown()
        self.thread.join()
        self.thread = None
        self.server_close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        """Clients that go away in the middle are part of what is tested."""


class ChangesFeed:
    """The sequence of changed documents that `_changes` tells of. Thread-safe."""

    def __init__(self):
        self._names = []
        self.asked = 0  # requests that wait or were answered: what changes from now on is theirs to hear
        self._changed = threading.Condition()

    def note(self, name):
        """A document has changed."""
        with self._changed:
            self._names.append(name)
            self._changed.notify_all()

    def since(self, since, limit, wait):
        """(results, last_seq) after `since`; waits up to `wait` seconds where there is nothing yet (feed=longpoll).

        Sequences look as those of CouchDB 2 and later: a number, a dash and opaque text. ValueError for another one.
        """
        with self._changed:
            start = len(self._names) if since == "now" else int(since.split("-")[0])
            self.asked += 1
            self._changed.wait_for(lambda: len(self._names) > start, wait)
            found = list(enumerate(self._names[start : start + limit], start + 1))
        last = found[-1][0] if found else start
        # A document is named once, at its newest change.
        newest = {name: sequence for sequence, name in found}
        results = [{"seq": f"{sequence}-g1AAA", "id": name, "changes": [{"rev": f"{sequence}-fixture"}]}
                   for name, sequence in newest.items()]
        return results, f"{last}-g1AAA"
