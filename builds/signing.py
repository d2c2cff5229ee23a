"""The key of the portal: statements about what it built are signed with it, as DSSE envelopes.

Every process that signs reads it from the file ENVPORTAL_SIGNING_KEY names, and makes one where there is none. So each
machine may have a key of its own; the public part of all of them is kept in the database.
"""

import base64
import json
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from .verify import PAYLOAD_TYPE, keyid_of, signed_bytes


class Unusable(Exception):
    """The file of the key is there and cannot be used."""


def current_key():
    """Return the private key. Raise Unusable."""
    path = settings.SIGNING_KEY
    if not path.exists():
        make(path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as fault:
        raise Unusable(f"{path} holds no private key in PEM without a password: {fault}") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise Unusable(f"{path} holds a key of another kind than Ed25519.")
    return key


def make(path, replace=False):
    """Write a new key, that only we may read. Of two processes that do so at the same time one has written it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # Whole before it has its name, so that nobody reads a half of it.
    draft = Path(f"{path}.{secrets.token_hex(8)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    try:
        if replace:
            draft.replace(path)
        else:
            os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def public_pem(key):
    """The public part of a private key, as a text."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def envelope(statement, key):
    """Return a statement, signed, as the text of a DSSE envelope."""
    payload = json.dumps(statement, ensure_ascii=False, separators=(",", ":")).encode()
    signature = key.sign(signed_bytes(PAYLOAD_TYPE, payload))
    document = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": keyid_of(key.public_key()), "sig": base64.b64encode(signature).decode()}],
    }
    return json.dumps(document, indent=2) + "\n"
