"""Webhooks over TLS: a real server on loopback, whose certificates a certificate authority of the test gives out."""

import base64
import ipaddress
import socket
import ssl
import subprocess
import threading
import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from environments import hook_call
from environments.models import Delivery, Hook
from environments.notice_models import Kind
from environments.outbox import send
from environments.tests.receivers import receiving
from environments.tests.test_outbox import say


class Authority:
    """Gives out certificates; its own stands in `root`."""

    def __init__(self, folder):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        self.root = folder / "root.pem"
        made = self._certificate(self.name, self.key, timedelta(days=2), x509.BasicConstraints(True, 0))
        self.root.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def tls(self, *names, lasts=timedelta(days=1)):
        """The context of a server with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a receiver")])
        made = self._certificate(subject, key, lasts, x509.SubjectAlternativeName(list(names)))
        path = self.folder / "receiver.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _certificate(self, subject, key, lasts, more):
        now = timezone.now()
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).add_extension(more, critical=False)
        made = made.not_valid_before(now - timedelta(days=9)).not_valid_after(now + lasts)
        return made.sign(self.key, hashes.SHA256())


HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
NAMED = x509.DNSName("receiver.example.org")


@pytest.fixture
def authority(tmp_path, settings, monkeypatch):
    """One that this machine trusts."""
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    return authority


@pytest.fixture
def names(monkeypatch):
    """What name servers say: {host: [what they answer the first time, the second, ...]}, the last one from then on."""
    names, real = {}, socket.getaddrinfo

    def answer(host, port, *args, **kwargs):
        if host not in names:
            return real(host, port, *args, **kwargs)
        ips = names[host].pop(0) if len(names[host]) > 1 else names[host][0]
        return [each for ip in ips for each in real(ip, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return names


def told(address, workspace, owner):
    """(the row of one call to this address, the hook, its secret)"""
    hook, secret = Hook.make(workspace, address, Kind.values, owner)
    say(workspace=workspace)
    send(hook.deliveries.get().pk)
    return hook.deliveries.get(), hook, secret


def verified_by_openssl(headers, body, secret):
    key = base64.b64decode(secret.removeprefix("whsec_")).hex()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"]
    made = subprocess.run(command, input=signed, capture_output=True, check=True, timeout=20).stdout
    return headers["webhook-signature"] == "v1," + base64.b64encode(made).decode()


def test_a_receiver_with_a_good_certificate_is_told(authority, workspace, owner):
    with receiving(authority.tls(HERE)) as (address, calls):
        delivery, _, secret = told(address, workspace, owner)
    assert (delivery.state, delivery.error, len(calls.taken)) == ("sent", "", 1)
    headers, body, _ = calls.taken[0]
    assert headers["host"] == address.split("/")[2]
    assert verified_by_openssl(headers, body, secret)


def test_a_new_secret_signs_from_then_on_and_the_old_one_no_more(authority, workspace, owner):
    with receiving(authority.tls(HERE)) as (address, calls):
        calls.answers = [500]
        delivery, hook, old = told(address, workspace, owner)
        new = hook.renew_secret(owner)
        Delivery.objects.update(next_at=timezone.now())
        assert send(delivery.pk)
    headers, body, _ = calls.taken[0]
    assert verified_by_openssl(headers, body, new)
    assert not verified_by_openssl(headers, body, old)


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ({"names": [NAMED]}, "Its certificate is not trusted: IP address mismatch"),
        ({"names": [HERE], "lasts": timedelta(days=-1)}, "Its certificate is not trusted: certificate has expired."),
    ],
    ids=["of another", "expired"],
)
def test_a_receiver_with_a_wrong_certificate_is_told_nothing(authority, workspace, owner, certificate, says):
    tls = authority.tls(*certificate.pop("names"), **certificate)
    with receiving(tls) as (address, calls):
        delivery, *_ = told(address, workspace, owner)
    assert (delivery.state, calls.asked) == ("waiting", 0)
    assert says in delivery.error


def test_an_authority_that_nobody_trusts_is_not_trusted(authority, workspace, owner, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path / "other").root))
    with receiving(authority.tls(HERE)) as (address, calls):
        delivery, *_ = told(address, workspace, owner)
    assert (delivery.state, calls.asked) == ("waiting", 0)
    assert delivery.error.startswith("Its certificate is not trusted: ")


def test_who_speaks_no_tls_is_told_nothing(authority, workspace, owner):
    with receiving() as (address, calls):
        delivery, *_ = told(address.replace("http:", "https:"), workspace, owner)
    assert (calls.asked, delivery.error) == (0, "TLS failed: WRONG_VERSION_NUMBER.")


def test_a_handshake_that_never_ends_is_left(authority, workspace, owner, monkeypatch):
    monkeypatch.setattr(hook_call, "SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        delivery, *_ = told(f"https://127.0.0.1:{silent.getsockname()[1]}/", workspace, owner)
    assert delivery.error == "No answer within 1 seconds."
    assert time.monotonic() - began < 5


def test_the_certificate_is_that_of_the_name_and_not_of_where_it_leads(authority, workspace, owner, names):
    names["receiver.example.org"] = names["other.example.org"] = [["127.0.0.1"]]
    with receiving(authority.tls(NAMED)) as (address, calls):
        good, *_ = told(address.replace("127.0.0.1", "receiver.example.org"), workspace, owner)
        Hook.objects.all().delete()
        bad, *_ = told(address.replace("127.0.0.1", "other.example.org"), workspace, owner)
    assert (good.state, bad.state, calls.asked) == ("sent", "waiting", 1)
    assert "not valid for 'other.example.org'" in bad.error


def test_a_redirect_is_not_followed_over_tls_either(authority, workspace, owner):
    with receiving(authority.tls(HERE)) as (address, calls):
        calls.answers = [307]
        delivery, *_ = told(address, workspace, owner)
    assert (calls.asked, "Redirects are not followed" in delivery.error) == (1, True)


def test_of_an_answer_without_end_only_the_beginning_is_read(authority, workspace, owner):
    sent = []

    def endless(handler):
        handler.wfile.write(b"HTTP/1.0 500 No\r\n\r\n")
        try:
            while len(sent) < 2000:
                sent.append(handler.wfile.write(b"x" * 100_000))
        except OSError:
            return

    with receiving(authority.tls(HERE)) as (address, calls):
        calls.answers = [endless]
        began = time.monotonic()
        delivery, *_ = told(address, workspace, owner)
        assert time.monotonic() - began < hook_call.SECONDS
    assert delivery.error == "It answered 500: " + "x" * 200
    assert len(sent) < 2000


def test_a_head_without_end_is_no_answer(authority, workspace, owner):
    def heads(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(500)) + b"\r\n")

    with receiving(authority.tls(HERE)) as (address, calls):
        calls.answers = [heads]
        delivery, *_ = told(address, workspace, owner)
    assert (delivery.state, delivery.error) == ("waiting", "It was not reached: HTTPException.")


def test_what_the_name_server_says_once_is_what_is_called(authority, workspace, owner, names):
    # Asked a second time it would lead into the house, where nobody looks any more.
    names["receiver.example.org"] = [["127.0.0.1"], ["10.0.0.1"]]
    with receiving(authority.tls(NAMED)) as (address, calls):
        delivery, *_ = told(address.replace("127.0.0.1", "receiver.example.org"), workspace, owner)
    assert (delivery.state, calls.asked) == ("sent", 1)
    assert names["receiver.example.org"] == [["10.0.0.1"]]


@pytest.mark.parametrize("ips", [["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["64:ff9b::10.0.0.1"]], ids=",".join)
def test_a_name_of_which_one_address_is_in_the_house_is_not_called(authority, workspace, owner, names, ips):
    names["receiver.example.org"] = [ips]
    with receiving(authority.tls(NAMED)) as (address, calls):
        delivery, *_ = told(address.replace("127.0.0.1", "receiver.example.org"), workspace, owner)
    assert (calls.asked, delivery.error) == (
        0,
        "It leads to 10.0.0.1, which is no public address. ENVPORTAL_WEBHOOK_NETWORKS can allow its network.",
    )


def test_a_name_server_that_never_answers_is_left(authority, workspace, owner, monkeypatch):
    monkeypatch.setattr(hook_call, "SECONDS", 0.5)
    is_over, real = threading.Event(), socket.getaddrinfo

    def never(host, *args, **kwargs):
        if host != "receiver.example.org":
            return real(host, *args, **kwargs)
        is_over.wait(20)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", never)
    try:
        delivery, *_ = told("https://receiver.example.org/", workspace, owner)
    finally:
        is_over.set()
    assert delivery.error == "No answer within 0.5 seconds."


def test_a_host_that_is_not_there_is_said(authority, workspace, owner):
    delivery, *_ = told("https://no-such-host.invalid/", workspace, owner)
    assert delivery.error == "There is no host no-such-host.invalid."
