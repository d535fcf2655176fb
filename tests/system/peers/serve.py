# SPDX-License-Identifier: LGPL-2.1-or-later
"""An HTTPS server by hand, so that its habits on the wire can be chosen, on an address of the lab's servers.

The socket is made in the namespace of the servers and handed over; the server runs in the test."""

import socket
import ssl
import subprocess
import sys
import threading
import traceback

HAND_OVER = """
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[2], int(sys.argv[3])))
s.listen(16)
with socket.socket(socket.AF_UNIX) as u:
    u.connect(sys.argv[1])
    socket.send_fds(u, [b"s"], [s.fileno()])
    u.recv(1)
"""


def listen(world, address, port=443):
    path = world.path("peer.sock")
    with socket.socket(socket.AF_UNIX) as u:
        u.bind(path)
        u.listen(1)
        u.settimeout(20)
        with subprocess.Popen([world.lab_program, "--dir", world.dir, "exec", "--internet", "--",
                               sys.executable, "-c", HAND_OVER, path, address, str(port)], env=world.env):
            c, _ = u.accept()
            with c:
                _, fds, _, _ = socket.recv_fds(c, 1, 1)
                c.sendall(b"x")
    subprocess.run(["rm", "-f", path], check=True)
    return socket.socket(fileno=fds[0])


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body


class Reply:
    """status, body, and the habits: chunked (sizes of chunks, lowest first), headers as they are to be
    written, close ("" keeps, "say" tells it and closes, "silent" closes without a word)."""

    def __init__(self, body=b"", status="200 OK", headers=(), chunks=None, close="", length=True):
        self.body, self.status, self.headers = body, status, list(headers)
        self.chunks, self.close, self.length = chunks, close, length

    def octets(self):
        lines = [f"HTTP/1.1 {self.status}", *(f"{k}{v}" for k, v in self.headers)]
        body = self.body
        if self.chunks:
            lines.append("transfer-encoding: Chunked")
            out, rest, sizes = b"", body, list(self.chunks)
            while rest:
                size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
                part, rest = rest[:size], rest[size:]
                out += b"%x;name=value\r\n" % len(part) + part + b"\r\n"
            body = out + b"0\r\ntrailer: 1\r\n\r\n"
        elif self.length:
            lines.append(f"content-length:{len(body)}")
        if self.close == "say":
            lines.append("connection: Close")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Server:
    """handler: function of a Request that gives a Reply; called in a thread of the connection."""

    def __init__(self, listener, context, handler):
        self.listener, self.context, self.handler = listener, context, handler
        self.connections = 0
        self.tls = []  # (version, cipher, SNI) of each connection
        self.failures = []  # what went wrong in the handler
        self.names = {}
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        try:
            raw.settimeout(60)
            names = []
            context = self.context
            context.sni_callback = lambda _s, name, _c: names.append(name)
            with context.wrap_socket(raw, server_side=True) as s:
                self.connections += 1
                self.tls.append((s.version(), s.cipher()[0], names[-1] if names else None))
                with s.makefile("rb") as f:
                    while not (end := self.one(s, f)):
                        pass
                if end == "say":
                    s.unwrap()
        except (ssl.SSLError, OSError):
            pass  # the client's business: what it expects of the server is in its own answer

    def one(self, s, f):
        line = f.readline().decode("latin-1").split()
        if len(line) != 3:
            return "lost"
        headers = {}
        while (text := f.readline().decode("latin-1").rstrip("\r\n")):
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = f.read(int(headers.get("content-length", 0)))
        try:
            reply = self.handler(Request(line[0], line[1], headers, body))
        except Exception:  # pylint: disable=broad-except
            self.failures.append(traceback.format_exc())
            reply = Reply(status="500 Broken peer", headers=[("content-length:", "0")], length=False)
        s.sendall(reply.octets())
        return reply.close

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
