"""The stable address of a private wheel: `/workspaces/<workspace>/wheels/<sha256>/<filename>`. Pure.

The hash in it says which bytes are meant, so the host does not matter, and neither do query and fragment.
A lock is shared by all workspaces that resolve to it; it names a wheel without the workspace, as `reference`.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

SHA256 = "[0-9a-f]{64}"
FILENAME = r"[A-Za-z0-9_][A-Za-z0-9._!+-]{0,249}\.whl"
_REFERENCE = re.compile(rf"wheels/(?P<sha256>{SHA256})/(?P<filename>{FILENAME})")
_PATH = re.compile(rf".*/workspaces/(?P<workspace>[A-Za-z0-9_-]+)/{_REFERENCE.pattern}")


@dataclass(frozen=True)
class WheelUrl:
    """Which bytes, under which name, and in which workspace they were asked for."""

    workspace: str
    sha256: str
    filename: str

    @property
    def path(self):
        """The address below the portal's own, with a slash in front."""
        return f"/workspaces/{self.workspace}/wheels/{self.sha256}/{quote(self.filename, safe='!+')}"

    @property
    def reference(self):
        """What a lock says: the same in every workspace."""
        return reference(self.sha256, self.filename)

    @property
    def name(self):
        """The package that it is a wheel of, normalised."""
        return canonicalize_name(self.filename.split("-")[0])


def parse(url):
    """Return the WheelUrl that an http(s) URL stands for, or None when it is not the address of a private wheel.

    One with a name or token in front of its host is none: what is registered is shown to every member.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    match = parts.scheme in ("http", "https") and "@" not in parts.netloc and _PATH.fullmatch(unquote(parts.path))
    return WheelUrl(**match.groupdict()) if match and is_wheel(match["filename"]) else None


def reference(sha256, filename):
    return f"wheels/{sha256}/{filename}"


def parse_reference(text):
    """Return (sha256, filename) of the private wheel that a lock names, or None for any other URL."""
    match = _REFERENCE.fullmatch(text)
    return (match["sha256"], match["filename"]) if match else None


def is_wheel(filename):
    """Whether a file name is one that a wheel may have, and that has an address here."""
    try:
        parse_wheel_filename(filename)
    except InvalidWheelFilename:
        return False
    return bool(re.fullmatch(FILENAME, filename))
