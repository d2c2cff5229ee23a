"""Real receivers on loopback: of webhooks and of mails, which do what a test says."""

import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

from environments import hook_words


class Calls:
    """What a receiver of webhooks got: those that it took, and how many it was sent in all."""

    def __init__(self):
        self.taken, self.asked, self.answers = [], 0, []
        self.secret = ""


@contextmanager
def receiving(tls=None):
    """Yield (address, Calls), over TLS with the context of a server. `answers` are statuses, or functions of the handler, one for each call; then 204."""
    calls = Calls()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            calls.asked += 1
            answer = calls.answers.pop(0) if calls.answers else 204
            if callable(answer):
                return answer(self)
            if answer < 300:
                calls.taken.append((dict(self.headers), body, _is_signed(self.headers, body, calls.secret)))
            self.send_response(answer)
            if 300 <= answer < 400:
                self.send_header("location", "/elsewhere")
            self.end_headers()
            self.wfile.write(b"" if answer == 204 else b"no place for it")
            return None

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/hook?of=us", calls
    finally:
        server.shutdown()
        server.server_close()


def drip(handler):
    """Answer a byte now and then, without end."""
    for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 600:
        try:
            handler.wfile.write(bytes([byte]))
        except OSError:
            return
        time.sleep(0.1)


def hang_up(handler):
    handler.connection.close()


def _is_signed(headers, body, secret):
    made = hook_words.signature(headers["webhook-id"], headers["webhook-timestamp"], body, secret)
    return headers["webhook-signature"] == f"v1,{made}"


class Mails:
    """A mail server that keeps what it took. `answers` are what it says instead, one for each mail."""

    def __init__(self):
        self.taken, self.answers = [], []

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer == "take and hang up":
            self.taken.append(envelope)
            server.transport.abort()
            return "250 never seen"
        if answer.startswith("250"):
            self.taken.append(envelope)
        return answer


@contextmanager
def mail_server(settings):
    """Yield Mails, to which the portal sends by its own settings."""
    mails = Mails()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mails, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.HAS_EMAIL, settings.EMAIL_TIMEOUT = True, 5
    try:
        yield mails
    finally:
        controller.stop()
