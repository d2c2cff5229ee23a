"""What administrators decide about all definitions, and owners about those of their workspace."""

from dataclasses import replace

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.functional import cached_property

from . import addresses, policy, policy_words
from .faults import UserFault
from .interpreters import Interpreter


class RuleQuerySet(models.QuerySet):
    def of_portal(self):
        return self.filter(workspace=None)

    def binding(self, workspace=None):
        """The portal's, and with a workspace its own; those of other workspaces never."""
        return self.filter(Q(workspace=None) | Q(workspace=workspace)) if workspace else self.of_portal()


class RuleManager(models.Manager.from_queryset(RuleQuerySet)):
    def rules(self, workspace=None):
        """What was decided, laid over what this release knows, as a Policy. One query."""
        kind, kept = Rule.Kind, {each: [] for each in Rule.Kind.values}
        for rule in self.binding(workspace):
            kept[rule.kind].append(rule)
        # The portal's first: nothing that a workspace says takes its place.
        for rules in kept.values():
            rules.sort(key=lambda rule: (rule.workspace_id is not None, rule.subject, rule.constraint))
        images, blocked_images = (
            [policy.ImageRule(each.subject, each.message, each.replacement) for each in kept[of]]
            for of in (kind.IMAGE_DEPRECATED, kind.IMAGE_BLOCKED)
        )
        own = workspace.pk if workspace else None
        return policy.Policy(
            reserved_prefixes=(*settings.RESERVED_PREFIXES, *(rule.subject for rule in kept[kind.PREFIX_RESERVED])),
            python_ends=policy.PYTHON_ENDS | {rule.subject: rule.date for rule in kept[kind.PYTHON_ENDS]},
            deprecated_images=(*images, *policy.DEPRECATED_IMAGES),
            blocked_images=tuple(blocked_images),
            required=tuple(rule.for_package() for rule in kept[kind.PACKAGE_REQUIRED]),
            blocked=tuple(rule.for_package() for rule in kept[kind.PACKAGE_BLOCKED]),
            channels=_subjects(kept[kind.CHANNEL_ALLOWED], None),
            own_channels=_subjects(kept[kind.CHANNEL_ALLOWED], own) if own else (),
            indexes=_subjects(kept[kind.INDEX_ALLOWED], None),
            own_indexes=_subjects(kept[kind.INDEX_ALLOWED], own) if own else (),
            default_python=settings.DEFAULT_PYTHON,
        )

    def policy(self, workspace=None):
        """The same with what there is at this moment: Pythons, and with a workspace its private wheels and secrets."""
        pythons, confined = Interpreter.objects.for_policy()
        return replace(
            self.rules(workspace),
            pythons=tuple(pythons),
            confined=confined,
            wheels=frozenset(workspace.wheels.values_list("sha256", "filename")) if workspace else None,
            secrets=frozenset(workspace.secrets.values_list("name", flat=True)) if workspace else None,
        )

    def reserved_prefixes(self):
        """Of names that only curated environments may have: those of the setting, then those of rules."""
        kept = self.of_portal().filter(kind=Rule.Kind.PREFIX_RESERVED).order_by("subject")
        return (*settings.RESERVED_PREFIXES, *kept.values_list("subject", flat=True))


def _subjects(rules, workspace_id):
    return tuple(rule.subject for rule in rules if rule.workspace_id == workspace_id)


class Rule(models.Model):
    """One thing that is decided: about all definitions, or with a workspace about those of it."""

    class Kind(models.TextChoices):
        PACKAGE_BLOCKED = policy_words.PACKAGE_BLOCKED, "Package is blocked"
        PACKAGE_REQUIRED = policy_words.PACKAGE_REQUIRED, "Package is required"
        CHANNEL_ALLOWED = policy_words.CHANNEL_ALLOWED, "Channel is allowed (and no other)"
        INDEX_ALLOWED = policy_words.INDEX_ALLOWED, "Package index is allowed (and no other)"
        IMAGE_BLOCKED = policy_words.IMAGE_BLOCKED, "Base image is blocked"
        IMAGE_DEPRECATED = policy_words.IMAGE_DEPRECATED, "Base image is deprecated"
        PREFIX_RESERVED = policy_words.PREFIX_RESERVED, "Prefix of names is reserved"
        PYTHON_ENDS = policy_words.PYTHON_ENDS, "Python gets no security fixes after"

    class Manager(models.TextChoices):
        CONDA = "conda"
        PIP = "pip"

    workspace = models.ForeignKey(
        "Workspace", models.CASCADE, null=True, blank=True, related_name="rules", help_text="Empty: the whole portal."
    )
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(
        max_length=255,
        help_text="A name of a package; a name or an address of a channel; an address of an index; name:tag without "
        "the registry, with * and ?, for an image; 3.8 for Python; the beginning of names.",
    )
    manager = models.CharField(
        max_length=5, choices=Manager, blank=True, help_text="Whose packages it is about; empty: of both."
    )
    constraint = models.CharField(
        "versions", max_length=200, blank=True, help_text="Those that are blocked or required, as <2.32; empty: all."
    )
    date = models.DateField(null=True, blank=True, help_text="For Python: the day of the last security fix.")
    message = models.CharField(max_length=500, blank=True, help_text="Stands behind the finding, as a sentence.")
    replacement = models.CharField(
        max_length=255,
        blank=True,
        help_text="What one click writes instead: an image, or a package as name or name>=1.2.",
    )

    objects = RuleManager()

    class Meta:
        ordering = ["kind", "subject"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject", "manager", "constraint"], condition=Q(workspace=None), name="rule_once"
            ),
            models.UniqueConstraint(
                fields=["workspace", "kind", "subject", "manager", "constraint"],
                condition=Q(workspace__isnull=False),
                name="rule_once_in_workspace",
            ),
            models.CheckConstraint(
                condition=Q(workspace=None) | Q(kind__in=policy_words.OF_WORKSPACES),
                name="workspaces_decide_what_is_stricter",
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()}: {self.words}"

    def get_absolute_url(self):
        if self.workspace_id:
            return reverse("policies", args=[self.workspace.name])
        return reverse("portal-policies")

    @property
    def words(self):
        """`requests <2.32, pip`"""
        return " ".join(filter(None, [self.subject, self.constraint])) + (f", {self.manager}" if self.manager else "")

    @cached_property
    def scope(self):
        return "portal" if self.workspace_id is None else self.workspace.name

    def clean(self):
        """As Django's forms ask for it."""
        try:
            self.check_words()
        except UserFault as fault:
            raise ValidationError({fault.field: fault.message}) from fault

    def check_words(self):
        """Take the fields as they are kept. Raise UserFault at the field."""
        values = {name: getattr(self, name) for name in ("kind", "subject", *policy_words.MORE)}
        for name, value in policy_words.check(values).items():
            setattr(self, name, value)
        if self.workspace_id and self.kind not in policy_words.OF_WORKSPACES:
            raise UserFault("Administrators alone decide this, for the whole portal.", "kind")
        if self.workspace_id:
            self._check_tightens()

    def _check_tightens(self):
        """What the portal does not allow, no workspace can."""
        portal = Rule.objects.of_portal().filter(kind=self.kind)
        if self.kind in (self.Kind.CHANNEL_ALLOWED, self.Kind.INDEX_ALLOWED):
            allowed = list(portal.values_list("subject", flat=True))
            if allowed and not any(addresses.lies_in(self.subject, each) for each in allowed):
                raise UserFault(f"The portal allows only: {', '.join(allowed)}. A workspace can allow less.", "subject")

    def put(self):
        """Keep it, with its event, in one transaction. Raise UserFault where it is wrong or there already."""
        self.check_words()
        with transaction.atomic():
            same = Rule.objects.filter(
                Q(workspace=self.workspace_id),
                **{name: getattr(self, name) for name in ("kind", "subject", "manager", "constraint")},
            )
            if same.exclude(pk=self.pk).exists():
                raise UserFault("There is this rule already.", "subject")
            self.save()
        return self

    def delete(self, *args, **kwargs):
        with transaction.atomic():  # with its event
            return super().delete(*args, **kwargs)

    def for_package(self):
        return policy.PackageRule(self.subject, self.message, self.replacement, self.manager, self.constraint)
