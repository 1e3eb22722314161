"""What alerts are delivered to: a web server that answers as it is told, and a mail server of
Debian's."""

import http.server
import json
import os
import queue
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Debian's modules belong to Debian's Python.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


class Post:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.time = time.time()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def id(self):
        return self.headers.get("x-farebox-alert-id")


class WebReceiver:
    """`answer(post)` gives a status, or (status, body, headers); "silence" answers never, "cut"
    closes instead. The default takes everything."""

    def __init__(self, answer=None, port=0, tls=None):
        self.answer = answer or (lambda post: 200)
        self.posts = []
        self.closing = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                post = Post(self.path, dict((k.lower(), v) for k, v in self.headers.items()), body)
                receiver.posts.append(post)
                said = receiver.answer(post)
                if said == "silence":
                    receiver.closing.wait(30)
                    said = "cut"
                if said == "cut":
                    self.close_connection = True
                    return
                status, text, more = said if isinstance(said, tuple) else (said, b"ok", {})
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True

            def handle_error(self, *_):
                pass
        self.server = Server(("127.0.0.1", port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = "%s://127.0.0.1:%d/hook" % ("https" if tls else "http", self.port)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def of(self, kind):
        return [post for post in self.posts if post.json.get("kind") == kind]

    def stop(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


def mail_server_is_there():
    return subprocess.run([PYTHON, "-c", "import aiosmtpd"], capture_output=True).returncode == 0


class MailReceiver:
    """aiosmtpd with STARTTLS and a login, in a process of its own."""

    def __init__(self, certificate, key, user, password):
        self.process = subprocess.Popen(
            [PYTHON, os.path.join(HERE, "mail_server.py"), certificate, key, user, password],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.mails = []
        lines = queue.Queue()

        def collect():
            for line in self.process.stdout:
                lines.put(json.loads(line))
                if "from" in line:
                    self.mails.append(json.loads(line))
            self.process.stdout.close()
        self.thread = threading.Thread(target=collect, daemon=True)
        self.thread.start()
        self.port = lines.get(timeout=20)["port"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.thread.join(5)
