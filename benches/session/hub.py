"""A stand-in for the hub on 127.0.0.1: python3 hub.py PORT_FILE LOG REPOSITORY=FOLDER…

Serves each folder as a repository of that name, as the real hub does: a listing with sizes and checksums, redirects
for large files to another server (a second port), ranges. `o/gated` asks who one is (401), `o/page` gives a web page,
`o/busy` is asked too often (429). KB_PER_SECOND (environment) makes it slow. Every request is a line of LOG.
"""

import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

SLOW = float(os.environ.get("KB_PER_SECOND", "100000")) * 1000
LONGEST_SECONDS = 40


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub, or, on the second port, as where it keeps large files."""

    def log_message(self, *_):
        """Nothing on the terminal."""

    def do_GET(self):
        """One request."""
        server = self.server
        path = unquote(urlsplit(self.path).path)
        token = "token" if self.headers.get("Authorization") else "-"
        with server.lock, open(server.log, "a") as log:
            log.write(f"{server.role} {path} {self.headers.get('Range', '-')} {token}\n")
        if server.role == "cdn":
            return self.file(Path(path))
        if path.startswith("/api/models/"):
            return self.listing(path.removeprefix("/api/models/"))
        owner, name, rest = (path.strip("/").split("/", 2) + ["", ""])[:3]
        folder = server.repositories.get(f"{owner}/{name}")
        parts = rest.split("/", 2)
        if not folder or parts[0] != "resolve" or len(parts) < 3:
            return self.answer(404, b"Entry not found")
        found = folder / parts[2]
        if not found.is_file():
            return self.answer(404, b"Entry not found")
        if found.suffix != ".safetensors":
            return self.file(found)
        self.send_response(302)
        self.send_header("Location", f"{server.elsewhere}{found}")
        self.send_header("X-Linked-ETag", f'"{server.hashes[found]}"')
        self.send_header("X-Linked-Size", str(found.stat().st_size))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def listing(self, repository):
        """What a repository holds."""
        if repository == "o/gated":
            return self.answer(401, b"Access to model o/gated is restricted")
        if repository == "o/busy":
            return self.answer(429, b"", {"Retry-After": "3600"})
        if repository == "o/page":
            return self.answer(200, b"<!DOCTYPE html><html>log in</html>")
        folder = self.server.repositories.get(repository)
        if not folder:
            return self.answer(404, b"Repository not found")
        siblings = []
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                large = {"sha256": self.server.hashes[path], "size": path.stat().st_size}
                siblings.append({"rfilename": str(path.relative_to(folder)), "size": path.stat().st_size,
                                 "lfs": large if path.suffix == ".safetensors" else None})
        card = {"license": "creativeml-openrail-m"}
        text = json.dumps({"sha": "0123abc", "siblings": siblings, "cardData": card})
        self.answer(200, text.encode(), {"Content-Type": "application/json"})

    def file(self, path):
        """A file, or the part of it that is asked for."""
        size = path.stat().st_size
        begin = self.headers.get("Range", "").removeprefix("bytes=").split("-")[0]
        begin = int(begin) if begin else 0
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - begin))
        self.send_header("ETag", f'"{self.server.hashes[path][:32]}"')
        self.end_headers()
        with open(path, "rb") as file:
            file.seek(begin)
            # A large file does not keep one longer: it is the first that is stopped and killed.
            speed = max(SLOW, size / LONGEST_SECONDS)
            chunk = max(1, int(speed / 20))
            while data := file.read(min(chunk, 1 << 20)):
                try:
                    self.wfile.write(data)
                except OSError:
                    return
                time.sleep(len(data) / speed)

    def answer(self, status, body, headers=None):
        """A short answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    """Both servers, until they are ended."""
    port_file, log, *repositories = sys.argv[1:]
    folders = {name: Path(path).resolve() for name, path in (pair.split("=") for pair in repositories)}
    hashes = {path: hashlib.sha256(path.read_bytes()).hexdigest()
              for folder in folders.values() for path in folder.rglob("*") if path.is_file()}
    servers = {}
    for role in ("cdn", "hub"):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.role, server.log, server.lock = role, log, threading.Lock()
        server.repositories, server.hashes = folders, hashes
        # Another host to the client: another port.
        server.elsewhere = servers.get("cdn")
        servers[role] = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever).start()
    Path(port_file).write_text(servers["hub"])


if __name__ == "__main__":
    main()
