"""What a webhook sends, signed as Standard Webhooks says it, and where it may go. Pure but for settings.

The signature is base64 of HMAC-SHA256 over `id.timestamp.body`, keyed with what follows `whsec_` in the secret, decoded
from base64: https://www.standardwebhooks.com. Libraries of many languages verify it.
"""

import hmac
import ipaddress
import json
import secrets
from base64 import b64decode, b64encode
from urllib.parse import urlsplit

from django.conf import settings

from .addresses import redact
from .faults import UserFault
from .texts import can_be_kept

PREFIX = "whsec_"
LONGEST = 500
# All of IPv6 that is given out to be reached from everywhere.
IPV6_FOR_ALL = ipaddress.ip_network("2000::/3")
# What a network without IPv4 writes before an address of IPv4 (RFC 6052).
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def new_secret():
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def headers(delivery_id, moment, body, secret):
    """What goes with a body: `moment` is the time of this try in whole seconds since 1970."""
    return {
        "content-type": "application/json",
        "user-agent": "envportal",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{signature(delivery_id, moment, body, secret)}",
    }


def signature(delivery_id, moment, body, secret):
    key = b64decode(secret.removeprefix(PREFIX))
    return b64encode(hmac.digest(key, f"{delivery_id}.{moment}.".encode() + body, "sha256")).decode()


def body_of(delivery, portal):
    """The bytes of the document: its type, when it happened, and what."""
    said = {
        "workspace": delivery.hook.workspace.name,
        "subject": delivery.subject,
        "text": delivery.text,
        "link": portal.rstrip("/") + delivery.link,
    }
    document = {"type": delivery.kind, "timestamp": delivery.created.isoformat(), "data": said | delivery.data}
    return json.dumps(document).encode()


def check(address):
    """Raise UserFault unless a webhook may have this address. Where its name leads is looked at with every call."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https") or not can_be_kept(address) or port == 0:
        raise UserFault("Write an address that begins with https://.", "address")
    if not address.isascii():
        told = "Write an address in plain letters: xn--… for the name of a host, %… for what stands in its path."
        raise UserFault(told, "address")
    if len(address) > LONGEST or any(character.isspace() or not character.isprintable() for character in address):
        raise UserFault(f"An address has at most {LONGEST} characters and no spaces.", "address")
    if parts.username or parts.password or parts.fragment:
        told = "An address holds no user, password or fragment: its calls are signed, and that is what the receiver checks."
        raise UserFault(told, "address")
    if parts.scheme == "http" and not networks():
        raise UserFault("Calls go over https:// only.", "address")


def shown(address):
    """The address as pages and events tell it: some services have a secret in the path, so only its begin."""
    parts = urlsplit(redact(address))
    return f"{parts.scheme}://{parts.netloc}{parts.path[:12]}{'…' if len(parts.path) > 12 or parts.query else ''}"


def networks():
    """Networks of the own house that webhooks may go to."""
    return [ipaddress.ip_network(text, strict=False) for text in settings.WEBHOOK_NETWORKS]


def why_not_to(ip, scheme):
    """Why no call goes to an address of the network that a name leads to, as a sentence; empty when it does.

    `ip` is text. What is not reachable for everybody is of the house, and only administrators open it: else whoever
    owns a workspace could call what only this machine can reach.
    """
    address = _where_it_ends(ipaddress.ip_address(ip.partition("%")[0]))
    if any(address in network for network in networks()):
        return ""
    is_for_all = address.version == 4 or address in IPV6_FOR_ALL
    if not (is_for_all and address.is_global) or address.is_multicast:
        return f"It leads to {address}, which is no public address. ENVPORTAL_WEBHOOK_NETWORKS can allow its network."
    return "" if scheme == "https" else "Calls to public addresses go over https:// only."


def _where_it_ends(address):
    """What is called in the end: of an address of IPv6 that wraps one of IPv4, that one."""
    if address.version == 4:
        return address
    if address in NAT64:
        return ipaddress.ip_address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
