"""The check of a downloaded file: every part of what is checked is tampered with. By the script, and by OpenSSL."""

import base64
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from builds import signing, verify
from builds.verify import Failed, check, open_envelope, read_keys

FILE = b"what was built"
STATEMENT = {
    "_type": verify.STATEMENT,
    "subject": [
        {"name": "Dockerfile", "digest": {"sha256": "0" * 64}},
        {"name": "lock", "digest": {"sha256": sha256(FILE).hexdigest()}},
    ],
    "predicateType": verify.PREDICATE,
    "predicate": {
        "buildDefinition": {
            "externalParameters": {"workspace": "team", "environment": "science", "version": 3},
            "resolvedDependencies": [{"uri": "pkg:pypi/idna@3.10"}],
        },
        "runDetails": {"builder": {"id": "https://env.example.org/provenance/", "version": {"uv": "1"}}},
    },
}


@pytest.fixture(scope="module")
def key():
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def keys(key):
    return read_keys(signing.public_pem(key))


@pytest.fixture
def envelope(key):
    return json.loads(signing.envelope(STATEMENT, key))


def payload_of(envelope):
    return json.loads(base64.b64decode(envelope["payload"]))


def failed(envelope, keys, data=FILE):
    """Which check fails, and why."""
    text = envelope if isinstance(envelope, str) else json.dumps(envelope)
    with pytest.raises(Failed) as fault:
        check(sha256(data).hexdigest(), text, keys)
    return fault.value.check, str(fault.value)


def test_a_file_that_is_among_the_subjects_is_verified(envelope, keys):
    found = check(sha256(FILE).hexdigest(), json.dumps(envelope), keys)
    assert (found.name, found.keyid) == ("lock", next(iter(keys)))
    assert ("Made of", "team/science/3, 1 inputs") in found.facts


def test_a_file_that_was_changed_is_none_of_the_subjects(envelope, keys):
    kind, told = failed(envelope, keys, FILE + b"!")
    assert kind == "subject"
    assert sha256(FILE + b"!").hexdigest() in told
    assert f"{sha256(FILE).hexdigest()}  lock" in told


def test_a_statement_that_was_changed_has_no_fitting_signature(envelope, keys):
    said = payload_of(envelope)
    said["subject"][0]["digest"]["sha256"] = sha256(b"evil").hexdigest()
    envelope["payload"] = base64.b64encode(json.dumps(said).encode()).decode()
    assert failed(envelope, keys, b"evil")[0] == "signature"


def test_each_bit_of_the_signature_counts(envelope, keys):
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    for place in (0, 31, 63):
        changed = bytearray(signature)
        changed[place] ^= 1
        envelope["signatures"][0]["sig"] = base64.b64encode(bytes(changed)).decode()
        assert failed(envelope, keys)[0] == "signature"


def test_the_type_of_the_payload_is_signed_too(envelope, keys):
    assert failed(envelope | {"payloadType": "text/plain"}, keys)[0] == "signature"


def test_a_key_that_is_not_trusted_is_unknown_whatever_it_is_called(envelope, keys):
    other = Ed25519PrivateKey.generate()
    theirs = json.loads(signing.envelope(STATEMENT, other))
    kind, told = failed(theirs, keys)
    assert (kind, theirs["signatures"][0]["keyid"][:16] in told) == ("key", True)
    theirs["signatures"][0]["keyid"] = next(iter(keys))  # says that it is ours
    assert failed(theirs, keys)[0] == "signature"
    envelope["signatures"][0]["keyid"] = ""
    assert failed(envelope, keys)[0] == "key"


def test_without_signatures_nobody_has_signed(envelope, keys):
    assert failed(envelope | {"signatures": []}, keys)[0] == "signature"


def test_one_good_signature_among_others_is_enough(envelope, keys):
    other = Ed25519PrivateKey.generate()
    envelope["signatures"].insert(0, json.loads(signing.envelope(STATEMENT, other))["signatures"][0])
    assert check(sha256(FILE).hexdigest(), json.dumps(envelope), keys).name == "lock"


@pytest.mark.parametrize(
    "change",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"predicateType": "https://spdx.dev/Document"},
        {"subject": []},
        {"subject": [{"name": "x"}]},
        {"predicate": None},
        {"predicate": {"buildDefinition": {}, "runDetails": {"builder": {"id": ""}}}},
    ],
)
def test_a_signed_statement_of_another_kind_proves_nothing(key, keys, change):
    assert failed(signing.envelope(STATEMENT | change, key), keys)[0] == "statement"


@pytest.mark.parametrize("payload", [b"hello", json.dumps(STATEMENT).encode()])
def test_a_signed_text_that_is_no_statement_proves_nothing(key, keys, payload):
    """Whatever it looks like: it was signed as something else."""
    kind = "text/plain"
    signature = key.sign(verify.signed_bytes(kind, payload))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"keyid": next(iter(keys)), "sig": base64.b64encode(signature).decode()}],
    }
    assert failed(envelope, keys)[0] == "statement"
    assert failed(signing.envelope("hello", key), keys)[0] == "statement"


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"payload": "%", "payloadType": "", "signatures": []}', "[" * 100_000, '{"payload": 1}'],
)
def test_what_is_no_envelope_is_said(keys, text):
    assert failed(text, keys)[0] == "envelope"


@pytest.mark.parametrize("pem", ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_without_a_key_is_said(pem):
    with pytest.raises(Failed) as fault:
        read_keys(pem)
    assert fault.value.check == "key"


def test_a_key_of_another_kind_is_none_of_ours(keys):
    public = generate_private_key(SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(Failed):
        read_keys(pem)


def test_base64_for_addresses_is_read_too(envelope, keys):
    envelope["signatures"][0]["sig"] = envelope["signatures"][0]["sig"].translate(str.maketrans("+/", "-_"))
    assert open_envelope(json.dumps(envelope), keys)[1] == next(iter(keys))


# The script, as somebody who has no portal runs it


@pytest.fixture
def downloaded(tmp_path, envelope, key):
    (tmp_path / "file").write_bytes(FILE)
    (tmp_path / "x.intoto.json").write_text(json.dumps(envelope))
    other = signing.public_pem(Ed25519PrivateKey.generate())
    (tmp_path / "keys.pem").write_text(other + signing.public_pem(key))
    (tmp_path / "verify.py").write_bytes(Path(verify.__file__).read_bytes())
    return tmp_path


def run_script(folder):
    command = [sys.executable, "-I", "verify.py", "file", "--provenance", "x.intoto.json", "--key", "keys.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)


def test_the_script_runs_alone_and_says_what_it_found(downloaded):
    done = run_script(downloaded)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Verified\nFile         lock, sha256 ")


def test_the_script_says_which_check_failed(downloaded):
    (downloaded / "file").write_bytes(b"other")
    done = run_script(downloaded)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("NOT VERIFIED (subject): ")
    (downloaded / "file").unlink()
    assert run_script(downloaded).returncode == 2


def test_keys_are_made_once_for_us_alone_and_whole(tmp_path):
    path = tmp_path / "var" / "key.pem"
    signing.make(path)
    first = path.read_bytes()
    signing.make(path)
    assert path.read_bytes() == first
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    signing.make(path, replace=True)
    assert path.read_bytes() != first
    assert os.listdir(path.parent) == ["key.pem"]


@pytest.mark.parametrize("content", ["", "nonsense", "ec"])
def test_a_key_that_cannot_be_used_is_said(settings, content):
    if content == "ec":
        from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

        ec = generate_private_key(SECP256R1())
        content = ec.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    settings.SIGNING_KEY.write_text(content)
    with pytest.raises(signing.Unusable, match=r"signing-key\.pem holds"):
        signing.current_key()
