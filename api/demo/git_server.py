"""A git server over smart HTTP with basic authentication, for the demo and the tests: git's own `http-backend` behind a thread of this process."""

import base64
import hmac
import logging
import os
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

CHUNK = 65536
logger = logging.getLogger(__name__)


class GitServer:
    """Serves the bare repositories below `root` on loopback. With a password set, fetch and push ask for it."""

    def __init__(self, root: Path, user: str = "", password: str = "", *, port: int = 0, protocol_v2: bool = True) -> None:
        """`protocol_v2=False`: as an old server, which refuses a commit that no branch or tag points at."""
        self.root = root
        self._credentials = f"{user}:{password}".encode() if password else b""
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler(protocol_v2))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="git-server", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def url(self, repository: str) -> str:
        """The address of a repository, without credentials."""
        return f"http://127.0.0.1:{self.port}/{repository}.git"

    def create(self, repository: str) -> Path:
        """A new bare repository that takes pushes."""
        folder = self.root / f"{repository}.git"
        for argv in (["init", "-q", "--bare", "-b", "main", str(folder)], ["-C", str(folder), "config", "http.receivepack", "true"]):
            subprocess.run(["git", *argv], check=True, env=_environment(), timeout=30)
        return folder

    def allows(self, authorization: str) -> bool:
        wanted = b"Basic " + base64.b64encode(self._credentials)
        return not self._credentials or hmac.compare_digest(authorization.encode(), wanted)

    def _handler(self, protocol_v2: bool) -> type["_Request"]:
        return type("Request", (_Request,), {"git": self, "protocol_v2": protocol_v2})


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    git: GitServer
    protocol_v2: bool

    def do_GET(self) -> None:
        with tempfile.TemporaryFile() as body:
            self._receive(body)
            if self.git.allows(self.headers.get("Authorization", "")):
                self._run_backend(body)
            else:
                self._answer_unauthorised()

    do_POST = do_GET

    def _receive(self, body: IO[bytes]) -> None:
        """git sends large packs chunked, small ones with a length."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body.write(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
        else:
            body.write(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        body.seek(0)

    def _answer_unauthorised(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _run_backend(self, body: IO[bytes]) -> None:
        backend = subprocess.Popen(["git", "http-backend"], stdin=body, stdout=subprocess.PIPE, env=self._cgi(os.fstat(body.fileno()).st_size))
        assert backend.stdout is not None
        with backend, backend.stdout as out:
            self._send_head(out)
            while piece := out.read1(CHUNK):  # type: ignore[attr-defined]  # a BufferedReader
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

    def _send_head(self, out: IO[bytes]) -> None:
        headers = []
        while line := out.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers.append((name, value))
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _cgi(self, length: int) -> dict[str, str]:
        address = urlsplit(self.path)
        return _environment() | {
            "GIT_PROJECT_ROOT": str(self.git.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": address.path, "QUERY_STRING": address.query,
            "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", "") if self.protocol_v2 else "",
            "REMOTE_USER": "git", "REMOTE_ADDR": self.client_address[0],
        }

    def log_message(self, format: str, *args: object) -> None:
        logger.debug(format, *args)


def _environment() -> dict[str, str]:
    """git without this user's and this machine's settings; the repositories are ours, whoever owns the folder."""
    return {
        "PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
    }
