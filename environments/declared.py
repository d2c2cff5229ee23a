"""What versions ask for by name, one row each, so that an audit finds them without reading every definition."""

from django.db import models
from django.db.models import Q

from . import pip_lines
from .formats import dockerfile
from .label_names import LATEST

LONGEST = 500


class DeclaredQuerySet(models.QuerySet):
    def of_image(self, image):
        """Those built on this image: with any tag or digest, if it says none; without a tag is with `latest`."""
        name, constraint = split_image(image)
        tag, at, digest = constraint.partition("@")
        found = self.filter(kind="image", name=name)
        if at:
            found = found.filter(constraint__endswith=f"@{digest}")
        if not tag:
            return found
        is_tag = Q(constraint=tag) | Q(constraint__startswith=f"{tag}@")
        return found.filter(is_tag | Q(constraint="") if tag == LATEST else is_tag)


class DeclaredManager(models.Manager.from_queryset(DeclaredQuerySet)):
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
    constraint = models.CharField(max_length=LONGEST, blank=True, help_text="of an image its tag, @ and digest")

    objects = DeclaredManager()

    class Meta:
        indexes = [models.Index(fields=["name", "kind", "constraint", "version"], name="declared_by_name")]

    def __str__(self):
        return f"{self.name} {self.constraint}".rstrip()


def _of(definition):
    """The facts of each row; a thing that is asked for twice stands there once."""
    found = [("conda", spec.name, spec.url or spec.constraint) for spec in definition.conda]
    found += [("pip", line.name, _constraint(line)) for line in definition.pip if line.name]
    found += [("image", *split_image(image)) for image in _images(definition.docker)]
    return [
        {"kind": kind, "name": name[:LONGEST], "constraint": constraint[:LONGEST]}
        for kind, name, constraint in dict.fromkeys(found)
    ]


def _images(docker):
    if image := docker.get("baseImage"):
        return [image]
    try:
        instructions = dockerfile.read(docker.get("baseDockerfile") or "")
    except dockerfile.DockerfileFault:
        return []
    return [image for image, _ in dockerfile.base_images(instructions)]


def _constraint(line):
    if line.url:
        return line.wheel.filename if line.wheel else line.url
    return pip_lines.split(line.text)[1]


def split_image(image):
    """`registry.example.org:5000/team/base:1.2@sha256:ab` as (`registry.example.org:5000/team/base`, `1.2@sha256:ab`).

    Upper and lower case tell tags apart, but neither names nor digests.
    """
    name, at, digest = image.strip().partition("@")
    path, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return (path + slash + last).lower(), f"{tag}{at}{digest.lower()}"
