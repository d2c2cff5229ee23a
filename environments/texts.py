"""Small rules about lines of text that conda files and requirements files share. Pure."""

import difflib
import hashlib
import re


def without_comment(text):
    """Cut off what stands behind a # that begins the line or follows a space."""
    text = text.strip()
    if text.startswith("#"):
        return ""
    comment = re.search(r"\s#", text)
    return text[: comment.start()].rstrip() if comment else text


def shorten(text, longest=80):
    """Make any text fit to be quoted in a sentence."""
    text = "".join(character if character.isprintable() else "·" for character in text[: longest + 1])
    return text if len(text) <= longest else text[: longest - 1] + "…"


def nearest(word, known, cutoff=0.75):
    """The one of the `known` words that is probably meant by `word`, or empty."""
    matches = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else ""


def can_be_kept(text):
    """Whether a database keeps it: PostgreSQL takes no NUL, and no UTF-8 has half characters."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def line_starts(text):
    """The offset at which each line begins, for `bisect`."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]


def count(number, noun):
    """Say how many there are: 1 package, 1,200 packages."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_units(count):
    """Bytes in decimal units: 1.21 GB."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if count >= 10**power:
            amount = count / 10**power
            return f"{amount:.2f} {unit}" if unit == "GB" else f"{amount:.1f} {unit}"
    return f"{count} bytes"


def signed(count):
    """Bytes more (+) or less (−) in decimal units."""
    sign = "+" if count > 0 else "−" if count < 0 else ""
    return sign + in_units(abs(count))


def digest_of(text):
    """The SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
