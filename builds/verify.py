#!/usr/bin/env python3
"""Checks a downloaded file against its provenance: a script that needs Python and the package `cryptography` alone.

    python verify.py FILE --provenance FILE.intoto.json --key keys.pem

The provenance is a DSSE envelope that holds an in-toto statement; the key file has one public key (PEM) or more.
Ends with 0 when all is well, with 1 and a sentence when it is not.
"""

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
LARGEST = 50_000_000  # bytes of an envelope
PIECE = 1_000_000


class Failed(Exception):
    """Why a file is not what the provenance says, as a sentence. `check` names what failed.

    It is one of `envelope`, `key`, `signature`, `statement` and `subject`.
    """

    def __init__(self, check, reason):
        super().__init__(reason)
        self.check = check


@dataclass(frozen=True)
class Verified:
    """What a good provenance says of a file."""

    name: str
    sha256: str
    keyid: str
    statement: dict = field(repr=False)

    @property
    def facts(self):
        """[(what, value)] for people."""
        predicate = self.statement["predicate"]
        wanted, run = predicate["buildDefinition"], predicate["runDetails"]
        parameters, metadata = wanted.get("externalParameters", {}), run.get("metadata", {})
        version = "/".join(str(parameters.get(name, "?")) for name in ("workspace", "environment", "version"))
        tools = ", ".join(f"{name} {version}" for name, version in run["builder"].get("version", {}).items())
        return [
            ("File", f"{self.name}, sha256 {self.sha256}"),
            ("Made of", f"{version}, {len(wanted.get('resolvedDependencies', []))} inputs"),
            ("Built by", f"{run['builder']['id']} with {tools}"),
            ("Build", metadata.get("invocationId", "?")),
            ("When", f"{metadata.get('startedOn', '?')} to {metadata.get('finishedOn', '?')}"),
            ("Signed with", self.keyid),
        ]


def keyid_of(key):
    """The SHA-256 of a public key in its DER form, in hex."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_keys(pem):
    """Return {keyid: Ed25519PublicKey} of a text that has public keys in PEM. Raise Failed."""
    found = {}
    for block in re.findall(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", pem, re.DOTALL):
        try:
            key = load_pem_public_key(block.encode())
        except (ValueError, UnsupportedAlgorithm) as fault:
            raise Failed("key", f"A public key cannot be read: {fault}") from fault
        if isinstance(key, Ed25519PublicKey):
            found[keyid_of(key)] = key
    if not found:
        raise Failed("key", "There is no Ed25519 public key in PEM to check the signature with.")
    return found


def signed_bytes(payload_type, payload):
    """What is signed: the pre-authentication encoding of DSSE, version 1."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def open_envelope(text, keys):
    """Return (statement, keyid) of an envelope that one of these keys has signed. Raise Failed."""
    payload, payload_type, signatures = _read_envelope(text)
    known = [(keys[keyid], keyid, signature) for keyid, signature in signatures if keyid in keys]
    if not known:
        named = ", ".join(keyid[:16] or "none" for keyid, _ in signatures)
        raise Failed(
            "key", f"The key is unknown: it is signed by {named}, and you have {', '.join(k[:16] for k in keys)}."
        )
    for key, keyid, signature in known:
        try:
            key.verify(signature, signed_bytes(payload_type, payload))
        except InvalidSignature:
            continue
        return _read_statement(payload, payload_type), keyid
    raise Failed("signature", "The signature does not fit: what the provenance says was changed, or the signature was.")


def _read_envelope(text):
    """(payload, its type, [(keyid, signature)])."""
    try:
        envelope = json.loads(text)
        payload, payload_type = _decoded(envelope["payload"]), envelope["payloadType"]
        signatures = [(str(each.get("keyid", "")), _decoded(each["sig"])) for each in envelope["signatures"]]
        payload_type.encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as fault:
        raise Failed("envelope", f"This is no DSSE envelope that can be read: {fault!r:.200}") from fault
    if not signatures:
        raise Failed("signature", "Nobody has signed it.")
    return payload, payload_type, signatures


def _decoded(text):
    """Of base64, the standard one or that for addresses: DSSE has both."""
    return base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)


def _read_statement(payload, payload_type):
    if payload_type != PAYLOAD_TYPE:
        raise Failed("statement", f"What is signed is {payload_type!r:.80} and not an in-toto statement.")
    try:
        statement = json.loads(payload)
        kinds = statement["_type"], statement["predicateType"]
        subjects = [(each["name"], each["digest"]["sha256"]) for each in statement["subject"]]
        told = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]["builder"]["id"]
    except (ValueError, KeyError, TypeError) as fault:
        raise Failed("statement", f"What is signed is no in-toto statement that can be read: {fault!r:.200}") from fault
    if kinds != (STATEMENT, PREDICATE) or not (subjects and all(told)):
        raise Failed("statement", "What is signed is no SLSA provenance, version 1, of anything.")
    return statement


def check(sha256, envelope, keys):
    """Return what an envelope says of a file with this hash, as Verified. Raise Failed."""
    statement, keyid = open_envelope(envelope, keys)
    for subject in statement["subject"]:
        if subject["digest"]["sha256"] == sha256:
            return Verified(subject["name"], sha256, keyid, statement)
    told = "\n".join(f"  {each['digest']['sha256']}  {each['name']}" for each in statement["subject"])
    raise Failed("subject", f"The file is none of those that this is about: its sha256 is {sha256}, theirs are\n{told}")


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(PIECE):
            digest.update(data)
    return digest.hexdigest()


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(LARGEST)


def add_arguments(parser, *, needs_key):
    parser.add_argument("file", help="what was downloaded")
    parser.add_argument("--provenance", required=True, metavar="FILE", help="the .intoto.json that belongs to it")
    parser.add_argument("--key", required=needs_key, metavar="FILE", help="public keys that you trust, in PEM")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Check a downloaded file against its provenance.")
    add_arguments(parser, needs_key=True)
    asked = parser.parse_args(arguments)
    try:
        found = check(sha256_of(asked.file), read_text(asked.provenance), read_keys(read_text(asked.key)))
    except Failed as failed:
        print(f"NOT VERIFIED ({failed.check}): {failed}", file=sys.stderr)
        return 1
    except OSError as fault:
        print(fault, file=sys.stderr)
        return 2
    print("Verified")
    for what, value in found.facts:
        print(f"{what:12} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
