"""Takes out of a tool's output what nobody shall read there. Pure."""

import re
from urllib.parse import unquote, urlsplit

# A password that is shorter is only taken out where its address stands: it may be a part of any word.
SHORTEST = 5


def secrets_of(addresses):
    """Return the words of a Redactor for the users and passwords that stand in addresses."""
    words = {}
    for address in addresses:
        try:
            user, is_there, _ = urlsplit(address).netloc.rpartition("@")
        except ValueError:
            continue
        if is_there:
            words[f"{user}@"] = "…@"
            password = user.partition(":")[2]
            if len(password) >= SHORTEST:
                words |= dict.fromkeys({password, unquote(password)}, "…")
    return words


def redact(text, words):
    """Return the text without these words."""
    parts = []
    redactor = Redactor(words, parts.append)
    redactor.write(text.encode())
    redactor.flush()
    return b"".join(parts).decode()


class Redactor:
    """Replaces words in bytes that arrive in pieces, however they are cut, and hands the bytes on.

    `words` maps what must not be seen to what stands instead. Of two words that begin at the same place the longer
    one is taken. What may be the beginning of a word is held back until it is decided, at the latest by `flush`.
    """

    def __init__(self, words, output):
        self._words = {word.encode(): shown.encode() for word, shown in words.items() if word}
        longest_first = sorted(self._words, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)) or b"(?!)")
        self._longest = max(map(len, self._words), default=0)
        self._held = b""
        self._output = output

    def write(self, data):
        data = self._held + data
        self._hand_on(data, self._undecided_from(data))

    def flush(self):
        self._hand_on(self._held, len(self._held))

    def _undecided_from(self, data):
        """Where the first word may begin that goes on in the next piece."""
        for start in range(max(0, len(data) - self._longest + 1), len(data)):
            end = data[start:]
            if any(len(word) > len(end) and word.startswith(end) for word in self._words):
                return start
        return len(data)

    def _hand_on(self, data, until):
        parts, at = [], 0
        for match in self._pattern.finditer(data):
            if match.start() >= until:
                break
            parts += [data[at : match.start()], self._words[match[0]]]
            at = match.end()
        until = max(at, until)
        parts.append(data[at:until])
        self._held = data[until:]
        if shown := b"".join(parts):
            self._output(shown)
