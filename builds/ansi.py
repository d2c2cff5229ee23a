"""What a tool wrote for a terminal, as text and as HTML: one line at a time. Pure."""

import re
from html import escape

COLOURS = {1: "red", 2: "green", 3: "yellow", 4: "blue", 5: "magenta", 6: "cyan"}
# Escape sequences (colours and cursor, titles and links, the rest), going back to the start, control characters.
SPECIAL = re.compile(
    r"\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<verb>[@-~]?)"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
    r"|\r|[\0-\x08\x0b-\x1f\x7f]"
)
MAKES_LONGER = {38, 48, 58}  # a colour of many, whose number follows


def plain(text):
    """The text that is seen."""
    return "".join(part for _, part in spans(text))


def html(text):
    """The same with its colours, as spans that have classes."""
    return "".join(
        f'<span class="{classes}">{escape(part)}</span>' if classes else escape(part) for classes, part in spans(text)
    )


def spans(text):
    """Return [(classes, text)] of a line. What is drawn over is not in it: a progress bar says what it drew last."""
    text = text.rstrip("\r")
    style, done, at = Style(), [], 0
    for found in SPECIAL.finditer(text):
        if found.start() > at:
            done.append((style.classes, text[at : found.start()]))
        at = found.end()
        what = found[0]
        if what == "\r":
            done = []
        elif found["verb"] == "m":
            style.change(found["numbers"])
        elif what[0] != "\x1b":
            done.append((style.classes, chr(0x2400 + ord(what)) if what < " " else "␡"))
    if at < len(text):
        done.append((style.classes, text[at:]))
    return done


class Style:
    """How the characters look that come next."""

    def __init__(self):
        self.colour, self.weights = "", set()

    @property
    def classes(self):
        return " ".join(f"ansi-{name}" for name in (self.colour, *sorted(self.weights)) if name)

    def change(self, numbers):
        numbers = iter([int(n) if 0 < len(n) < 4 and n.isdigit() else 0 for n in re.split("[;:]", numbers)])
        for n in numbers:
            if n == 0:
                self.__init__()
            elif n in (1, 2):
                self.weights.add("bold" if n == 1 else "dim")
            elif n == 22:
                self.weights.clear()
            elif 30 <= n <= 37 or 90 <= n <= 97:
                self.colour = COLOURS.get(n % 10, "")
            elif n == 39:
                self.colour = ""
            elif n in MAKES_LONGER:
                chosen = self._one_of_many(numbers)
                self.colour = chosen if n == 38 else self.colour

    @staticmethod
    def _one_of_many(numbers):
        """Read the rest of `38;5;N` or `38;2;R;G;B`; the first sixteen have names."""
        how = next(numbers, 0)
        if how == 5:
            chosen = next(numbers, 0)
            return COLOURS.get(chosen % 8, "") if chosen < 16 else ""
        for _ in range(3 if how == 2 else 0):
            next(numbers, 0)
        return ""
