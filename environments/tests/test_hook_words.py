"""What is signed, and where a webhook may go."""

import base64
import hashlib
import hmac

import pytest

from environments import hook_words
from environments.faults import UserFault


def test_the_signature_is_that_of_standard_webhooks():
    # The example of the specification's reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    made = hook_words.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, secret)
    assert made == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_long_and_never_the_same():
    one, other = hook_words.new_secret(), hook_words.new_secret()
    assert one != other
    key = base64.b64decode(one.removeprefix("whsec_"))
    assert len(key) == 32
    digest = hmac.new(key, b"id.5.body", hashlib.sha256).digest()
    assert hook_words.signature("id", 5, b"body", one) == base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "ip",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "::1", "fe80::1%eth0",  # noqa: S104
     "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "224.0.0.1", "100.64.0.1",
     # The same wrapped for networks that translate, and what was never given out.
     "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:a00:1::1", "2002:7f00:1::1", "::10.0.0.1", "fec0::1", "5f00::1"],
)  # fmt: skip
def test_no_call_goes_into_the_house_by_itself(settings, ip):
    settings.WEBHOOK_NETWORKS = []
    assert "no public address" in hook_words.why_not_to(ip, "https")


def test_administrators_open_networks(settings):
    settings.WEBHOOK_NETWORKS = ["10.0.0.0/8", "fc00::/7"]
    assert hook_words.why_not_to("10.1.2.3", "http") == ""
    assert hook_words.why_not_to("::ffff:10.1.2.3", "http") == ""
    assert hook_words.why_not_to("fc00::1", "https") == ""
    assert "no public address" in hook_words.why_not_to("127.0.0.1", "http")


def test_to_public_addresses_calls_go_over_https_alone(settings):
    settings.WEBHOOK_NETWORKS = []
    for address in ("8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8", "2002:808:808::1"):
        assert hook_words.why_not_to(address, "https") == ""
    assert "https" in hook_words.why_not_to("8.8.8.8", "http")


@pytest.mark.parametrize(
    "address",
    ["", "hooks.example.org", "ftp://x.org/", "https://", "https://u:p@x.org/", "https://x.org/#a", "https://x.org/a b",
     "https://x.org:0/", "https://x.org:99999/", "https://x.org/\0", "https://x.org/" + "a" * 500, "http://x.org/",
     "https://bücher.example/", "https://x.org/é"],
)  # fmt: skip
def test_what_is_no_address_of_a_webhook_is_refused(settings, address):
    settings.WEBHOOK_NETWORKS = []
    with pytest.raises(UserFault) as raised:
        hook_words.check(address)
    assert raised.value.field == "address"


def test_pages_and_events_show_no_secret_of_an_address():
    assert (
        hook_words.shown("https://hooks.example.org/services/T0/B0/XXXX?token=abc")
        == "https://hooks.example.org/services/T0…"
    )
    assert hook_words.shown("https://x.org/a") == "https://x.org/a"
