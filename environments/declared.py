"""What versions ask for by name, one row each, so that an audit finds them without reading every definition."""

from django.db import models

from . import pip_lines

LONGEST = 500


class DeclaredManager(models.Manager):
    def write(self, version):
        """Write down what a new version asks for."""
        self.bulk_create(Declared(version=version, **facts) for facts in _of(version.definition))


class Declared(models.Model):
    """A package that a version asks for directly, or the image that it is built on."""

    class Kind(models.TextChoices):
        CONDA = "conda"
        PIP = "pip"
        IMAGE = "image"

    version = models.ForeignKey("Version", models.CASCADE, related_name="declared")
    kind = models.CharField(max_length=5, choices=Kind)
    name = models.CharField(max_length=LONGEST, help_text="of an image without its tag")
    constraint = models.CharField(max_length=LONGEST, blank=True, help_text="of an image its tag or digest")

    objects = DeclaredManager()

    class Meta:
        indexes = [models.Index(fields=["name", "kind", "constraint", "version"], name="declared_by_name")]

    def __str__(self):
        return f"{self.name} {self.constraint}".rstrip()


def _of(definition):
    """The facts of each row; a thing that is asked for twice stands there once."""
    found = [("conda", spec.name, spec.url or spec.constraint) for spec in definition.conda]
    found += [("pip", line.name, _constraint(line)) for line in definition.pip if line.name]
    if image := definition.docker.get("baseImage"):
        found.append(("image", *split_image(image)))
    return [
        {"kind": kind, "name": name[:LONGEST], "constraint": constraint[:LONGEST]}
        for kind, name, constraint in dict.fromkeys(found)
    ]


def _constraint(line):
    if line.url:
        return line.wheel.filename if line.wheel else line.url
    return pip_lines.split(line.text)[1]


def split_image(image):
    """`registry.example.org:5000/team/base:1.2` as (`registry.example.org:5000/team/base`, `1.2`)."""
    name, at, digest = image.strip().lower().partition("@")
    path, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return path + slash + last, digest if at else tag
