"""Calls a webhook: one POST to an address that was looked at, with one limit of time for all of it, and no redirect."""

import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

from . import hook_words

SECONDS = 10  # for all of it
MOST_READ = 2000  # bytes of an answer that is no success


class NotTaken(Exception):
    """The receiver did not take it, or was not reached; the argument says how, as a sentence."""


def call(address, headers, body):
    """Return when the receiver answered 2xx. Raise NotTaken otherwise."""
    parts, until = urlsplit(address), time.monotonic() + SECONDS
    try:
        _post(parts, _resolved(parts), headers, body, until)
    except TimeoutError:
        raise NotTaken(f"No answer within {SECONDS} seconds.") from None
    except ssl.SSLCertVerificationError as fault:
        raise NotTaken(f"Its certificate is not trusted: {fault.verify_message.rstrip('.')}.") from None
    except ssl.SSLError as fault:
        raise NotTaken(f"TLS failed: {fault.reason or type(fault).__name__}.") from None
    except (OSError, http.client.HTTPException, ValueError) as fault:
        told = getattr(fault, "strerror", None) or type(fault).__name__
        raise NotTaken(f"It was not reached: {told}.") from None


def _resolved(parts):
    """Where the name leads. No second look-up says another thing: these are then called."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = _looked_up(parts.hostname, port)
    if not found:
        raise NotTaken(f"There is no host {parts.hostname}.")
    reasons = [hook_words.why_not_to(each[4][0], parts.scheme) for each in found]
    if refused := next(filter(None, reasons), ""):
        raise NotTaken(refused)
    return [each[4][:2] for each in found]


def _looked_up(host, port):
    """What name servers say, empty where there is no such host. In a thread, because nothing else ends waiting for them."""
    found = []

    def look():
        with suppress(socket.gaierror, UnicodeError):
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    looking = threading.Thread(target=look, name=f"look up {host}", daemon=True)
    looking.start()
    looking.join(SECONDS)
    if looking.is_alive():
        raise TimeoutError
    return found


def _post(parts, places, headers, body, until):
    connection = http.client.HTTPConnection(parts.hostname, places[0][1], timeout=SECONDS)
    late = threading.Event()
    timer = threading.Timer(until - time.monotonic(), _hang_up, [connection, late])
    timer.daemon = True
    timer.start()
    try:
        _connect(connection, parts, places)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, headers | {"host": parts.netloc, "connection": "close"})
        answer = connection.getresponse()
        if late.is_set():  # what was cut off looks like the end of its head
            raise TimeoutError
        _judge(answer)
    except (OSError, http.client.HTTPException, AttributeError):
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        connection.close()


def _connect(connection, parts, places):
    """At the first place that answers."""
    for place in places:
        try:
            connection.sock = socket.create_connection(place, timeout=SECONDS / len(places))
            break
        except OSError:
            if place == places[-1]:
                raise
    connection.sock.settimeout(SECONDS)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        wrapped = context.wrap_socket(connection.sock, server_hostname=parts.hostname, do_handshake_on_connect=False)
        connection.sock = wrapped  # which the timer knows then
        wrapped.do_handshake()


def _hang_up(connection, late):
    """Whoever sends a byte now and then does not hold us for ever."""
    late.set()
    with suppress(OSError, AttributeError):  # it is closed already
        connection.sock.shutdown(socket.SHUT_RDWR)


def _judge(answer):
    if 200 <= answer.status < 300:
        return
    if 300 <= answer.status < 400:
        raise NotTaken(f"It answered {answer.status}, which leads elsewhere. Redirects are not followed.")
    text = answer.read(MOST_READ).decode(errors="replace")
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
    raise NotTaken(f"It answered {answer.status}{': ' + words if words else '.'}")
