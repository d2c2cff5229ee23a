"""The licences of installed Python packages, as their metadata says them. Pure but for reading files."""

from email.parser import HeaderParser

from packaging.utils import canonicalize_name

LONGEST = 100  # characters of the old field; what is longer is the text of a licence and not its name
MOST = 200_000  # characters of metadata that are looked at


def read(prefix):
    """Return {name: licence} of what is installed in a prefix, without those that say nothing."""
    found = {}
    for path in sorted(prefix.glob("lib/python*/site-packages/*.dist-info/METADATA")):
        name, licence = of_metadata(path.read_text("utf-8", "replace"))
        if name and licence:
            found[name] = licence
    return found


def of_metadata(text):
    """Return (normalised name, licence or empty) of a METADATA file."""
    headers = HeaderParser().parsestr(text[:MOST])
    name = canonicalize_name(headers.get("Name", ""))
    named = (headers.get("License-Expression") or headers.get("License") or "").strip()
    if named and "\n" not in named and len(named) <= LONGEST and named.upper() != "UNKNOWN":
        return name, named
    classified = [line for line in headers.get_all("Classifier", []) if line.startswith("License :: ")]
    return name, ", ".join(line.rpartition(" :: ")[2] for line in classified)
