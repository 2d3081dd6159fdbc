"""A chat endpoint on this machine that answers like one and thinks by hash: the same reply to the same question."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.teachers.wire import body

SKILLS = ("tell wood from metal", "count the legs of furniture", "read the colour of a seat")


class Loopback:
    """Serves at `url` until it is closed; `asked` counts the bodies of requests, `keys` has what was shown as a key."""

    def __init__(self, *, delay: float = 0.0, status: int = 200, logprobs: bool = True) -> None:
        self.delay, self.status, self.logprobs = delay, status, logprobs
        self.asked: Counter[str] = Counter()
        self.keys: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Loopback:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply_to(self, request: dict[str, Any]) -> dict[str, Any]:
        prompt = request["messages"][-1]["content"]
        number = hashlib.sha256(prompt.encode()).digest()[0]
        if request["max_tokens"] > 1:
            text = '{"friendly": true}' if "response_format" in request else SKILLS[number % len(SKILLS)]
        else:
            text = "A"
        shares = {"A": 0.1 + number / 512, "B": 0.3, "C": 0.05, "The": 0.01}
        given = self.logprobs and request.get("logprobs")
        return body(text, first=shares if given else None)


def _handler(owner: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            owner.asked[raw.decode()] += 1
            owner.keys.add(self.headers.get("authorization", ""))
            time.sleep(owner.delay)
            said = json.dumps(owner.reply_to(json.loads(raw))).encode()
            self.send_response(owner.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None: ...

    return Handler
