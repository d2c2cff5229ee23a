"""Dockerfiles, read as far as a definition needs it: instructions with their lines. Pure.

Source: Docker's Dockerfile reference (directives, continuation lines, heredocs, stages).
"""

import json
import re
import shlex
from dataclasses import dataclass

WORDS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
_DIRECTIVE = re.compile(r"#\s*(?P<key>[A-Za-z]+)\s*=\s*(?P<value>\S+)\s*$")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")
_PAIR = re.compile(r"""([A-Za-z_]\w*)=("(?:\\.|[^"\\])*"|'[^']*'|(?:\\.|[^\s\\])*)""")
_FROM = re.compile(r"(?:--platform=\S+\s+)?(?P<image>\S+)(?:\s+[Aa][Ss]\s+(?P<stage>\S+))?\s*$")


class DockerfileFault(Exception):
    def __init__(self, reason, line):
        super().__init__(reason)
        self.reason, self.line = reason, line


@dataclass(frozen=True)
class Instruction:
    """One instruction: its word in capitals, what follows, and the line where it begins, from 1."""

    word: str
    rest: str
    line: int

    @property
    def takes_files(self):
        """Whether it copies from the build context."""
        if self.word not in ("COPY", "ADD") or "--from=" in self.rest or _HEREDOC.search(self.rest):
            return False
        sources = [part for part in self.rest.split() if not part.startswith("--")][:-1]
        return not (self.word == "ADD" and sources and all(re.match(r"https?://|git@", part) for part in sources))

    @property
    def variables(self):
        """The (name, value) pairs that it sets in the image or its build."""
        if self.word not in ("ENV", "ARG", "LABEL"):
            return []
        pairs = [(name, value.strip("\"'")) for name, value in _PAIR.findall(self.rest)]
        old = re.fullmatch(r"([A-Za-z_]\w*)\s+([^=]*)", self.rest.strip())
        return [(old[1], old[2].strip())] if old and self.word == "ENV" else pairs


def read(text):
    """Return the Instructions of a Dockerfile. Raise DockerfileFault, with the line, when it is none."""
    instructions = list(_instructions(text))
    if not instructions:
        raise DockerfileFault("The Dockerfile is empty: it needs a line FROM image:tag.", 1)
    for each in instructions:
        if each.word == "FROM":
            break
        if each.word != "ARG":
            raise DockerfileFault(
                f"A Dockerfile begins with FROM image:tag, and here stands {each.word[:40]}.", each.line
            )
    else:
        raise DockerfileFault("No line FROM image:tag says what the image is built on.", instructions[-1].line)
    for each in instructions:
        if each.word in WORDS and not each.rest.strip():
            raise DockerfileFault(f"{each.word} says nothing.", each.line)
        if each.word == "FROM" and not _FROM.match(each.rest.strip()):
            raise DockerfileFault("FROM is followed by one image, and perhaps by AS name.", each.line)
    return instructions


def base_images(instructions):
    """Yield (image, line) of each stage that stands on an image. What no default fills in is left out."""
    stages, defaults = {"scratch"}, {}
    for each in instructions:
        if each.word == "ARG" and len(stages) == 1:
            defaults |= dict(each.variables)
        if each.word != "FROM":
            continue
        match = _FROM.match(each.rest.strip())
        image = _fill(match["image"], defaults)
        if image.lower() not in stages and "$" not in image:
            yield image, each.line
        stages.add((match["stage"] or f"stage {each.line}").lower())


_INSTALL = re.compile(
    r"(?:^|\s)(?P<tool>(?:uv\s+)?pip[\d.]*|conda|mamba|micromamba)\s(?:.*\s)?install\s(?P<rest>.*)", re.DOTALL
)
_CHANNEL_OPTIONS = ("-c", "--channel")
_INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "--default-index", "--index", "-f", "--find-links")
_VALUED = (
    "-r", "--requirement", "--constraint", "--file", "-n", "--name", "-p", "--prefix", "--python", "-t", "--target",
    "--platform", "--root", "--timeout", "--retries", "--trusted-host", "--cache-dir", "--progress-bar",
)  # fmt: skip


def installs(instructions):
    """Yield (what, text, line) of what RUN installs by pip and conda: of a package `pip` or `conda`, and what is asked
    for; of an address that it comes from `channel` or `index`. What scripts and files ask for is not seen.
    """
    for each in instructions:
        if each.word == "RUN":
            for command in _commands(each.rest):
                if match := _INSTALL.search(command):
                    manager = "pip" if "pip" in match["tool"] else "conda"
                    yield from ((what, text, each.line) for what, text in _asked(manager, _words(match["rest"])))


def _commands(rest):
    """The commands of one RUN, which may be a list of words in JSON."""
    if rest.lstrip().startswith("["):
        try:
            return [shlex.join(json.loads(rest))]
        except (TypeError, ValueError):
            pass
    return re.split(r"&&|\|\||;|\n", rest)


def _words(text):
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _asked(manager, words):
    words = iter(words)
    for word in words:
        option, _, value = word.partition("=")
        if not word.startswith("-"):
            yield manager, word
        elif (manager, option) == ("pip", "-c") or option in _VALUED:
            value or next(words, "")
        elif option in _CHANNEL_OPTIONS and (value := value or next(words, "")):
            yield "channel", value
        elif option in _INDEX_OPTIONS and (value := value or next(words, "")):
            yield "index", value


def _fill(image, defaults):
    def value(match):
        return defaults.get(match[1] or match[3], "") or match[2] or match[0]

    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}|\$(\w+)", value, image)


def _instructions(text):
    lines, escape, at = text.split("\n"), "\\", 0
    for line in lines:  # directives stand before everything else
        match = _DIRECTIVE.match(line.strip())
        if not match:
            break
        if match["key"].lower() == "escape" and match["value"] in ("`", "\\"):
            escape = match["value"]
    while at < len(lines):
        first, parts = at, []
        while at < len(lines):
            line = lines[at].strip()
            at += 1
            if line.startswith("#") or (parts and not line):
                continue
            if not line.endswith(escape):
                parts.append(line)
                break
            parts.append(line[:-1].rstrip())
        whole = " ".join(part for part in parts if part.strip()).strip()
        if not whole:
            continue
        word, _, rest = whole.partition(" ")
        if word.upper() in ("RUN", "COPY", "ADD"):
            at = _skip_heredocs(lines, at, rest)
        yield Instruction(word.upper(), rest, _first_line(lines, first, at))


def _first_line(lines, first, at):
    """The first of the lines that is no comment and not blank, from 1."""
    return next(
        (i + 1 for i in range(first, at) if lines[i].strip() and not lines[i].strip().startswith("#")), first + 1
    )


def _skip_heredocs(lines, at, rest):
    for _, end in _HEREDOC.findall(rest):
        while at < len(lines) and lines[at].strip() != end:
            at += 1
        at += 1
    return at
