"""A small HTTP proxy that can misbehave: CONNECT and absolute-form, Basic authentication,
refusals, garbage, silence. It writes down what it was asked."""

import base64
import select
import socket
import ssl
import threading


class ConnectProxy:
    """password: "user:password" to ask for. answer: octets sent instead of an answer.
    behind: octets sent right behind the 200. silent: never answers. closes: hangs up at
    once. to: (host, port) dialled whatever is asked for, as a resolver of its own would.
    certificate: (certificate file, key file) to speak TLS itself."""

    def __init__(self, password=None, answer=None, behind=b"", silent=False, closes=False, to=None,
                 certificate=None):
        self.password, self.answer, self.behind = password, answer, behind
        self.silent, self.closes, self.to = silent, closes, to
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.heads = []             # every request head it was sent, as octets
        self.passed = b""           # what went through tunnels towards the provider
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, userinfo="", scheme=None):
        return "%s://%s%s:%d" % (scheme or ("https" if self.context else "http"),
                                 userinfo + "@" if userinfo else "",
                                 "localhost" if self.context else "127.0.0.1", self.port)

    def requests(self):
        """(method, target) of every head."""
        return [tuple(head.split(b"\r\n")[0].decode().split(" ")[:2]) for head in self.heads]

    def fields(self, name):
        wanted = name.lower().encode() + b":"
        return [line.split(b":", 1)[1].strip().decode() for head in self.heads
                for line in head.split(b"\r\n") if line.lower().startswith(wanted)]

    def close(self):
        for each in self.sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
                self.sockets.append(client)
            self._talk(client)
        except (OSError, ValueError):
            pass
        finally:
            client.close()

    def _talk(self, client):
        if self.closes:
            return
        head = self._head(client)
        while head:
            self.heads.append(head)
            if self.silent:
                client.recv(1)
                return
            if self.answer is not None:
                client.sendall(self.answer)
                return
            lines = head.decode("latin-1").split("\r\n")
            method, target = lines[0].split(" ")[:2]
            if self.password and not self._is_authorized(lines):
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                               b"Proxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n"
                               b"Connection: close\r\n\r\n")
                return
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                provider = socket.create_connection(self.to or (host.strip("[]"), int(port)))
                self.sockets.append(provider)
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n" + self.behind)
                self._pump(client, provider)
                return
            head = self._forward(client, head, target)

    def _is_authorized(self, lines):
        wanted = "Basic " + base64.b64encode(self.password.encode()).decode()
        return any(line.lower().startswith("proxy-authorization:") and
                   line.split(":", 1)[1].strip() == wanted for line in lines)

    def _forward(self, client, head, target):
        """One plain request; the provider is told to close, so its answer ends by that."""
        assert target.startswith("http://"), target
        authority, _, path = target[len("http://"):].partition("/")
        host, _, port = authority.rpartition(":")
        first, _, rest = head.partition(b"\r\n")
        kept = [line for line in rest.split(b"\r\n")
                if not line.lower().startswith((b"proxy-authorization:", b"connection:"))]
        first = first.replace(target.encode(), b"/" + path.encode())
        provider = socket.create_connection(self.to or (host, int(port)))
        self.sockets.append(provider)
        provider.sendall(b"\r\n".join([first, b"Connection: close"] + kept))
        self._pump(client, provider)
        return b""

    def _head(self, client):
        """Up to the empty line and no octet further: what follows belongs to the tunnel."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            octet = client.recv(1)
            if not octet:
                return b""
            head += octet
        return head

    def _pump(self, client, provider):
        while True:
            ready = [client] if getattr(client, "pending", int)() else \
                select.select([client, provider], [], [], 30)[0]
            if not ready:
                return
            for source in ready:
                octets = source.recv(65536)
                if not octets:
                    return
                if source is client:
                    self.passed += octets
                    provider.sendall(octets)
                else:
                    client.sendall(octets)
