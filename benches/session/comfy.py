"""A stand-in for ComfyUI: python3 comfy.py PORT_FILE LOG [HOST[:PORT]].

Speaks what the window hears of ComfyUI: what it is and has, uploads, one job after the other, progress and previews
over the socket, results, interrupting. What it makes is no model's picture but the one it was sent, painted over by
ImageMagick, the more the higher the strength. STEP_SECONDS (environment) makes it slow; PLAIN=1 has it give pictures
back as they came, and always the same preview, so that it costs next to nothing. Every request is a line of LOG.
"""

import base64
import hashlib
import json
import math
import os
import queue
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

STEP = float(os.environ.get("STEP_SECONDS", "0.3"))
PLAIN = os.environ.get("PLAIN") == "1"
MODELS = ["paper.safetensors", "portraits/dreamshaperXL_v21.safetensors", "sd15-house.safetensors"]
SAMPLERS = ["euler", "euler_ancestral", "dpmpp_2m", "lcm"]
CHOICES = {
    "CheckpointLoaderSimple": ("ckpt_name", MODELS),
    "LoraLoader": ("lora_name", ["ink.safetensors"]),
    "KSampler": ("sampler_name", SAMPLERS),
    "DifferentialDiffusion": ("model", []),
}


def convert(*arguments):
    """What ImageMagick makes of it."""
    return subprocess.run(["convert", *map(str, arguments)], check=True, capture_output=True).stdout


class Comfy:
    """What all connections share."""

    preview = None

    def __init__(self, log):
        self.folder = Path(tempfile.mkdtemp(prefix="comfy-"))
        self.log_file, self.lock = log, threading.Lock()
        self.jobs, self.waiting, self.running, self.history = queue.Queue(), [], None, {}
        self.sockets, self.stopped = {}, set()
        threading.Thread(target=self.work, daemon=True).start()

    def log(self, line):
        """One line of what was asked and done."""
        with self.lock, open(self.log_file, "a") as log:
            log.write(line + "\n")

    def tell(self, client, kind, data):
        """A message to that client, where it listens."""
        self.send(client, 1, json.dumps({"type": kind, "data": data}).encode())

    def send(self, client, code, body):
        """A frame of the socket."""
        size = len(body)
        head = bytes([0x80 | code])
        head += bytes([size]) if size < 126 else struct.pack(">BH", 126, size) if size < 65536 else struct.pack(">BQ", 127, size)
        try:
            self.sockets[client].sendall(head + body)
        except (KeyError, OSError):
            pass

    def work(self):
        """One job after the other."""
        while True:
            job = self.jobs.get()
            with self.lock:
                if job not in self.waiting:
                    continue
                self.waiting.remove(job)
                self.running = job
            done = self.run(*job)
            with self.lock:
                self.running = None
            self.history[job[0]] = done
            self.log(f"ended {job[0]} {done['status']['status_str']}")
            kind = "execution_success" if done["outputs"] else "execution_interrupted"
            self.tell(job[1], kind, {"prompt_id": job[0]})

    def run(self, job, client, graph):
        """Paints over the picture, step by step."""
        def node(name):
            self.tell(client, "executing", {"prompt_id": job, "node": name})

        node("checkpoint")
        time.sleep(STEP)
        sampler = graph["sampler"]["inputs"]
        steps = sampler["steps"]
        if sampler["scheduler"] == "ddim_uniform":
            steps = math.ceil(999 / max(1000 // steps, 1))
        executed = steps - sampler["start_at_step"]
        name = graph["picture"]["inputs"]["image"].split(" [")[0]
        picture = self.folder / name.replace("/", "-")
        self.log(f"runs {graph['checkpoint']['inputs']['ckpt_name']} {executed} of {steps}")
        node("sampler")
        painted = lambda share: [picture, "(", "+clone", "-paint", "5", "-modulate", "100,150,160", ")", "-compose",
                                 "blend", "-define", f"compose:args={round(100 * share)}", "-composite"]
        for done in range(1, executed + 1):
            if job in self.stopped:
                return {"outputs": {}, "status": {"status_str": "error", "completed": False,
                                                  "messages": [["execution_interrupted", {"prompt_id": job}]]}}
            self.tell(client, "progress", {"prompt_id": job, "value": done, "max": executed, "node": "sampler"})
            if done % 2:
                share = executed / steps * done / executed
                blur = f"0x{3 * (1 - done / executed)}"
                if not PLAIN or not self.preview:
                    self.preview = convert(*painted(share), "-resize", "128x128", "-blur", blur, "jpg:-")
                self.send(client, 2, struct.pack(">II", 1, 1) + self.preview)
            time.sleep(STEP)
        node("decoded")
        outputs = {}
        for output, share in [("result", executed / steps), ("round-trip", 0)]:
            if output in graph:
                file = f"{job}-{output}.png"
                made = picture.read_bytes() if PLAIN else convert(*painted(share), "png:-")
                (self.folder / file).write_bytes(made)
                outputs[output] = {"images": [{"filename": file, "subfolder": "", "type": "temp"}]}
        return {"outputs": outputs, "status": {"status_str": "success", "completed": True, "messages": []}}


class Handler(BaseHTTPRequestHandler):
    """Answers as ComfyUI."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Nothing on the terminal."""

    def answer(self, body, status=200):
        """Bytes, or something as JSON."""
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        """One question."""
        comfy, parts = self.server.comfy, urlsplit(self.path)
        path, asked = parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
        if path == "/ws":
            return self.listen(asked.get("clientId", ""))
        comfy.log(f"GET {path} {self.headers.get('Authorization', '-')}")
        if path == "/system_stats":
            return self.answer({"system": {"comfyui_version": "0.3.75"}, "devices": [{"name": "cuda:0 Scripted 4090"}]})
        if path.startswith("/object_info/"):
            name = path.rsplit("/", 1)[1]
            if name not in CHOICES:
                return self.answer({})
            field, choices = CHOICES[name]
            return self.answer({name: {"input": {"required": {field: [choices, {}]}}}})
        if path == "/view_metadata/checkpoints":
            return self.answer(b"", 404)
        if path == "/queue":
            with comfy.lock:
                running = [[0, comfy.running[0], {}, {}, []]] if comfy.running else []
                return self.answer({"queue_running": running,
                                    "queue_pending": [[at + 1, job[0], {}, {}, []] for at, job in enumerate(comfy.waiting)]})
        if path.startswith("/history/"):
            job = path.rsplit("/", 1)[1]
            return self.answer({job: comfy.history[job]} if job in comfy.history else {})
        if path == "/view":
            return self.answer((comfy.folder / unquote(asked["filename"])).read_bytes())
        return self.answer(b"not found", 404)

    def do_POST(self):
        """Something to be done."""
        comfy, path = self.server.comfy, urlsplit(self.path).path
        body = self.rfile.read(int(self.headers["Content-Length"]))
        comfy.log(f"POST {path} {self.headers.get('Authorization', '-')}")
        if path == "/upload/image":
            boundary = re.search(r"boundary=(.+)", self.headers["Content-Type"])[1].encode()
            part = next(part for part in body.split(b"--" + boundary) if b'filename="' in part)
            head, file = part.split(b"\r\n\r\n", 1)
            name = re.search(rb'filename="([^"]+)"', head)[1].decode()
            (comfy.folder / f"overpaint-{name}").write_bytes(file.removesuffix(b"\r\n"))
            return self.answer({"name": name, "subfolder": "overpaint", "type": "temp"})
        asked = json.loads(body or b"{}")
        if path == "/prompt":
            job = (asked["prompt_id"], asked["client_id"], asked["prompt"])
            picture = job[2]["picture"]["inputs"]["image"].split(" [")[0]
            if not (comfy.folder / picture.replace("/", "-")).is_file():
                # It was sent in a life before this one.
                told = {"details": f"image - Invalid image file: {picture}"}
                return self.answer({"error": {"message": "Prompt outputs failed validation"},
                                    "node_errors": {"picture": {"errors": [told]}}}, 400)
            with comfy.lock:
                comfy.waiting.append(job)
            comfy.jobs.put(job)
            return self.answer({"prompt_id": job[0], "number": 1, "node_errors": {}})
        if path == "/queue":
            with comfy.lock:
                comfy.waiting = [job for job in comfy.waiting if job[0] not in asked.get("delete", [])]
        if path == "/interrupt":
            comfy.stopped.add(asked.get("prompt_id"))
        return self.answer({})

    def listen(self, client):
        """The socket, until the client goes."""
        comfy = self.server.comfy
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        comfy.sockets[client] = self.connection
        comfy.tell(client, "status", {"status": {"exec_info": {"queue_remaining": len(comfy.waiting)}}, "sid": client})
        try:
            while self.connection.recv(4096):
                pass
        except OSError:
            # The client is gone.
            pass
        self.close_connection = True


def main():
    """Serves until it is ended."""
    port_file, log, *host = sys.argv[1:]
    name, _, port = (host[0] if host else "127.0.0.1").partition(":")
    server = ThreadingHTTPServer((name, int(port or 0)), Handler)
    server.daemon_threads = True
    server.comfy = Comfy(log)
    Path(port_file).write_text(f"http://{server.server_address[0]}:{server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
