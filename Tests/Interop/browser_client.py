# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium as a client: serves a page on loopback that speaks to `mtproto dc`, and prints what it reports."""

import argparse
import base64
import hashlib
import http.server
import json
import os
import pathlib
import queue
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.parse

FOLDER = pathlib.Path(__file__).parent / "browser"
TYPES = {".html": "text/html", ".js": "text/javascript"}
RESULTS = queue.Queue()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name = urllib.parse.urlparse(self.path).path.lstrip("/")
        # Only the page's own files: a name, not a path.
        file = FOLDER / name
        if name not in {entry.name for entry in FOLDER.iterdir()} or file.suffix not in TYPES:
            return self.answer(404, b"")
        self.answer(200, file.read_bytes(), TYPES[file.suffix])

    def do_POST(self):
        RESULTS.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(200, b"")

    def answer(self, status, body, kind="text/plain"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A browser that is ended resets its connections."""


def der_item(data, offset):
    """The value of a DER item, and where the next one begins."""
    length, start = data[offset + 1], offset + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[start:start + count], "big"), start + count
    return data[start:start + length], start + length


def fingerprint(path):
    """The wire bytes of the fingerprint of an RSA key, in hexadecimal (page: Creating an Authorization Key)."""
    lines = [line for line in pathlib.Path(path).read_text().split("\n") if line and not line.startswith("-")]
    sequence, _ = der_item(base64.b64decode("".join(lines)), 0)
    modulus, offset = der_item(sequence, 0)
    exponent, _ = der_item(sequence, offset)

    def tl(value):
        header = bytes([len(value)]) if len(value) < 254 else b"\xfe" + struct.pack("<I", len(value))[:3]
        return header + value + b"\0" * (-len(header + value) % 4)

    return hashlib.sha1(tl(modulus.lstrip(b"\0")) + tl(exponent)).digest()[-8:].hex()


def key_hash(path):
    """The hash by which Chromium can be told to accept the key of a certificate."""
    key = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-pubkey"], check=True, capture_output=True).stdout
    body = base64.b64decode("".join(line for line in key.decode().split("\n") if not line.startswith("-")))
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def chromium(url, profile, certificate):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("there is no Chromium")
    options = [
        program, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-dev-shm-usage", "--disable-extensions", "--disable-component-update", "--no-proxy-server",
        # The page is ours, and root may not use the sandbox.
        "--no-sandbox",
        f"--user-data-dir={profile}",
    ]
    if certificate:
        options.append(f"--ignore-certificate-errors-spki-list={key_hash(certificate)}")
    environment = dict(os.environ, HOME=profile, XDG_CONFIG_HOME=profile, XDG_CACHE_HOME=profile)
    # The browser says what it lacks on a machine without a desktop; nobody reads that.
    return subprocess.Popen(
        options + [url], env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def stop(browser):
    """Ends the browser and the processes that it has started, which share its session."""
    try:
        os.killpg(browser.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    browser.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--plain", default="", help="HOST:PORT for ws and http")
    parser.add_argument("--tls", default="", help="HOST:PORT for wss and https")
    parser.add_argument("--certificate", help="the server's certificate, PEM")
    parser.add_argument("--public-key", required=True)
    parser.add_argument("--dc-id", type=int, default=2)
    arguments = parser.parse_args()

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    query = urllib.parse.urlencode({
        "plain": arguments.plain, "tls": arguments.tls, "dc": arguments.dc_id,
        "fingerprint": fingerprint(arguments.public_key),
    })
    failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = chromium(f"http://127.0.0.1:{server.server_port}/page.html?{query}", profile, arguments.certificate)
        try:
            while True:
                result = RESULTS.get(timeout=60)
                if result.get("isLast"):
                    break
                failed += result["error"] is not None
                print(json.dumps(result), flush=True)
        except queue.Empty:
            print(json.dumps({"name": "the page has not finished", "error": "silent for 60 s", "milliseconds": 60000}))
            failed += 1
        finally:
            stop(browser)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
