"""A channel behind a certificate of one's own: the child reads the same variables as uv."""

import shutil
import ssl
import subprocess

import pytest

from builds import engine
from builds.failures import Failure
from builds.models import Build, Status
from builds.tests import conda_channel

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="makes certificates")
AUTHORITY = "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ours -addext basicConstraints=critical,CA:TRUE"
REQUEST = "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost"
SIGN = "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem"


@pytest.fixture
def authority(tmp_path):
    """The folder with an authority and what it signed for loopback."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    for command in (AUTHORITY, REQUEST, SIGN):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def make(environment, editor, wanted, conda, authority):
    """Build a package from the channel, which is served with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    with conda_channel.serve(conda.folder, context) as secured:
        channels = [f"{secured.url}team"]
        version, _ = environment.register(wanted(conda=["zlib-like=1.3"], channels=channels, python=""), editor)

        def make():
            build = version.builds.request(version, editor)
            engine.run(Build.objects.with_subject().get(pk=build.pk), "w")
            build.refresh_from_db()
            return build

        yield make


def test_a_channel_behind_an_authority_of_ones_own_is_believed_where_the_worker_names_it(make, monkeypatch, authority):
    build = make()
    assert (build.status, build.failure) == (Status.FAILED, Failure.NETWORK)
    assert "UnknownIssuer" in build.reason
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    build = make()
    assert (build.status, build.reason) == (Status.SUCCEEDED, "")
