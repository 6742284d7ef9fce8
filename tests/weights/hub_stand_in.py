"""A server on this machine that speaks the hub's protocol: enough of it to fetch, create and commit."""

import base64
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        """Answer ``/OWNER/NAME/resolve/REVISION/FILE`` from the folder."""
        self.server.asked.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        path = self.server.folder.joinpath(*parts[:2], *parts[4:])
        if len(parts) >= 5 and parts[2] == "resolve" and path.is_file():
            content = path.read_bytes()
            etag = hashlib.sha256(content).hexdigest()
            self.reply(200, content, body, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
        else:
            known = self.server.folder.joinpath(*parts[:2]).is_dir()
            self.reply(404, b"{}", body, {"X-Error-Code": "EntryNotFound" if known else "RepoNotFound"})

    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        parts = self.path.strip("/").split("/")
        if parts[-1] == "create":
            told = json.loads(sent)
            name = f"{told['organization']}/{told['name']}" if told.get("organization") else told["name"]
            answer = {"url": f"http://{self.headers['Host']}/{name}"}
        elif "preupload" in parts:
            files = json.loads(sent)["files"]
            answer = {
                "files": [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]
            }
        elif "commit" in parts:
            for line in map(json.loads, sent.splitlines()):
                if line["key"] == "file":
                    path = self.server.folder.joinpath(*parts[2:4], line["value"]["path"])
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(base64.b64decode(line["value"]["content"]))
            url = f"http://{self.headers['Host']}/{'/'.join(parts[2:4])}/commit/{COMMIT}"
            answer = {"success": True, "commitOid": COMMIT, "commitUrl": url}
        else:
            answer = {}
        self.reply(200, json.dumps(answer).encode(), True, {})

    def reply(self, status, content, body, headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args):
        """Stay silent."""


class Hub:
    """Serve a folder of ``OWNER/NAME/FILE``; ``run`` gives Python code its own process with that hub as its hub."""

    def __init__(self, folder: Path, cache: Path):
        self.folder, self.cache = folder, cache
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.folder, self.server.asked = folder, []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def run(self, code, offline=False):
        settings = {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(self.cache),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "1" if offline else "0",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, **settings}, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
