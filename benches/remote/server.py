#!/usr/bin/env python3
"""A scripted WebUI (/sdapi/v1) that gives every picture back as it came, after SECONDS, one at a time.

    python3 server.py PORT SECONDS

Each request it takes up, and each it answers, is a line on standard output.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
WORKS = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/sdapi/v1/sd-models":
            self.answer(200, [{"title": "scripted", "hash": "8888888888"}])
        else:
            self.answer(404, {"detail": "Not Found"})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/sdapi/v1/img2img":
            return self.answer(404, {"detail": "Not Found"})
        with WORKS:
            print("takes", flush=True)
            time.sleep(SECONDS)
        self.answer(200, {"images": asked["init_images"], "info": "{}"})
        print("gave", flush=True)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
