"""A file server on loopback: parts by Range, a password, a signature, and whatever goes wrong."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Served:
    """A folder that is served. asked: method and path of each request, with its query.

    login: "user:password" that has to come along. signature: the query that has to. ranges: whether parts are given;
    told: whether it says so.
    broken: paths that end in one of these are errors of the server.
    """

    folder: Path
    login: str | None = None
    signature: str | None = None
    ranges: bool = True
    told: bool = True
    broken: tuple[str, ...] = ()
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    def url(self, name: str, credentials: bool = True) -> str:
        """Of a file in the folder."""
        login = f"{self.login}@" if self.login and credentials else ""
        query = f"?{self.signature}" if self.signature and credentials else ""
        return f"http://{login}127.0.0.1:{self.port}/{name}{query}"


@contextmanager
def served(what: Served) -> Iterator[Served]:
    """Serve it as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(what))
    what.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield what
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(what: Served) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            what.asked.append((self.command, self.path))
            parts = urlsplit(self.path)
            path = what.folder / unquote(parts.path).lstrip("/")
            expected = None if what.login is None else "Basic " + base64.b64encode(what.login.encode()).decode()
            if expected != self.headers.get("Authorization") or (what.signature or "") != parts.query:
                return self._send(403, b"not for you", body)
            if str(path).endswith(what.broken or ("\0",)):
                return self._send(500, b"broken", body)
            if not path.is_file():
                return self._send(404, b"no such file", body)
            content = path.read_bytes()
            wanted = self.headers.get("Range")
            if what.ranges and wanted:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start = int(first) if first else max(0, len(content) - int(last))
                stop = min(int(last) + 1, len(content)) if first and last else len(content)
                return self._send(206, content[start:stop], body, f"bytes {start}-{stop - 1}/{len(content)}")
            return self._send(200, content, body)

        def _send(self, code: int, content: bytes, body: bool, part: str | None = None) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(content)))
            if what.told:
                self.send_header("Accept-Ranges", "bytes" if what.ranges else "none")
            if part is not None:
                self.send_header("Content-Range", part)
            self.end_headers()
            if body:
                with suppress(ConnectionError):  # who met an error no longer listens
                    self.wfile.write(content)

    return Handler
