"""The web service that the demo builds and deploys: three versions of a small shop, of Python's standard library only.

Version 1.2.0 is broken in the way that tests cannot see: it reads a file that is in the repository and not in the package.
"""

NAME = "shop"
INSTALL = "python3 -m venv --without-pip .venv && .venv/bin/python --version"
BUILD = """.venv/bin/python -m compileall -q shop.py && printf '%s\\n' "${TIANGONG_VERSION#v}" >VERSION"""
TEST = ".venv/bin/python -m unittest -v -b"
ARTIFACT = ["shop.py", "restart.sh", "VERSION"]
RESTART = "sh restart.sh"

SHOP = '''"""A small shop. GET / greets and tells the version, GET /health tells whether it can sell."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).parent


def health():
    return 200, {"status": "ok"}


def greet():
    return 200, {"shop": "Tiangong Tea", "version": (HERE / "VERSION").read_text().strip()}


PAGES = {"/": greet, "/health": health}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        page = PAGES.get(self.path, lambda: (404, {"error": "no such page"}))
        status, content = page()
        body = json.dumps(content).encode() + b"\\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''
TESTS = '''"""The shop's own tests."""

import os
import threading
import unittest
import urllib.request
from http.server import ThreadingHTTPServer

import shop


class ShopTest(unittest.TestCase):
    def test_it_tells_the_version_it_was_built_as(self):
        self.assertEqual(shop.greet()[1]["version"], os.environ["TIANGONG_VERSION"].removeprefix("v"))

    def test_it_is_healthy_over_http(self):
        server = ThreadingHTTPServer(("127.0.0.1", 0), shop.Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/health", timeout=10) as answer:
            self.assertEqual(answer.status, 200)
'''
RESTART_SH = r"""#!/bin/sh
# Runs in the folder of a release: ends the service that runs now and starts this release in its place. PORT says where it listens.
set -eu
release=$(pwd -P)
home=${release%/releases/*}
pid=$(cat "$home/shop.pid" 2>/dev/null || echo 0)

runs() { grep -qs shop.py "/proc/$pid/cmdline"; }

for signal in TERM KILL; do
    tries=0
    while runs && [ "$tries" -lt 50 ]; do
        [ "$tries" -gt 0 ] || kill -s "$signal" "$pid"
        tries=$((tries + 1))
        sleep 0.1
    done
done
cd "$release"
PYTHONDONTWRITEBYTECODE=1 nohup setsid python3 "$release/shop.py" >>"$home/shop.log" 2>&1 </dev/null &
echo "$!" >"$home/shop.pid.new"
mv -f "$home/shop.pid.new" "$home/shop.pid"
echo "shop $(cat VERSION) runs as process $!"
"""
FIRST = {"shop.py": SHOP, "test_shop.py": TESTS, "restart.sh": RESTART_SH, ".gitignore": ".venv/\n__pycache__/\nVERSION\n"}
SECOND = {"shop.py": SHOP.replace('"shop": "Tiangong Tea", ', '"shop": "Tiangong Tea", "open": "Mon-Sat 9-18", ')}
THIRD = {
    "prices.json": '{"longjing": 12, "oolong": 9}\n',
    "shop.py": SECOND["shop.py"].replace(
        'def health():\n    return 200, {"status": "ok"}\n',
        "def health():\n    try:\n        prices = json.loads((HERE / \"prices.json\").read_text())\n    except OSError as error:\n"
        '        return 500, {"status": "broken", "reason": f"no prices: {error}"}\n    return 200, {"status": "ok", "goods": len(prices)}\n'),
}
VERSIONS = {"v1.0.0": ("The shop opens", FIRST), "v1.1.0": ("Opening hours", SECOND), "v1.2.0": ("Prices", THIRD)}
"""By tag: the commit's message, and the files that it changes."""
