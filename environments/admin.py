from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils.html import format_html

from .models import Environment, LastOwner, PortalRole, Rule, Token, Version, Workspace
from .wheels import PrivateWheel

admin.site.site_header = admin.site.site_title = "envportal administration"
admin.site.index_title = "What the portal keeps"


def administers(request):
    """Administrators alone: Django's own permissions, of persons and of groups, are rules of nothing here."""
    return request.user.is_active and request.user.is_superuser


admin.site.has_permission = administers
admin.site.unregister(Group)


class PortalRoleInline(admin.TabularInline):
    """Roles by hand: administrators are so by Django's own mark, and what a group gave goes with the group."""

    model = PortalRole
    extra = 0
    verbose_name_plural = "Roles on the whole portal"
    readonly_fields = ["is_mapped"]

    def has_change_permission(self, request, obj=None):
        return False

    def formfield_for_choice_field(self, db_field, request, **kwargs):
        kind = PortalRole.Kind
        kwargs["choices"] = [(each.value, each.label) for each in (kind.CURATOR, kind.AUDITOR)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)


class PersonForm(UserChangeForm):
    def clean(self):
        """Keep one who administers: nobody else could let anybody in again."""
        said = super().clean()
        if not (said.get("is_active") and said.get("is_superuser")):
            _keep_an_administrator([self.instance])
        return said


admin.site.unregister(get_user_model())


@admin.register(get_user_model())
class PersonAdmin(UserAdmin):
    form = PersonForm
    inlines = [PortalRoleInline]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("What they may", {"fields": ["is_active", "is_superuser"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    readonly_fields = ["last_login", "date_joined"]
    list_display = ["username", "email", "first_name", "last_name", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser", "portal_roles__kind"]

    def get_deleted_objects(self, objs, request):
        """Those who alone own a workspace, or administer, are not deleted: that cannot be taken back."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        reasons = _left_alone(objs)
        try:
            _keep_an_administrator(objs)
        except ValidationError as fault:
            reasons += fault.messages
        return deleted, counts, needed, [*protected, *reasons]

    @transaction.atomic
    def delete_queryset(self, request, queryset):
        super().delete_queryset(request, queryset)

    def save_model(self, request, obj, form, change):
        """Whoever must not sign in any more must not, whatever they own; what is then without an owner is said."""
        alone = _left_alone([obj]) if "is_active" in form.changed_data and not obj.is_active else []
        super().save_model(request, obj, form, change)
        for text in alone:
            messages.warning(request, text)


def _left_alone(users):
    """A sentence for each workspace that would have no owner without all of these."""
    users = list(users)
    found = Workspace.objects.only_owned_by(*users)
    if len(users) == 1:
        return [LastOwner(users[0], workspace).message for workspace in found]
    return [f"{workspace} would have no owner any more. Make somebody else an owner first." for workspace in found]


def _keep_an_administrator(users):
    """Raise ValidationError where nobody would administer the portal without these."""
    administrators = get_user_model().objects.select_for_update().filter(is_superuser=True, is_active=True)
    with transaction.atomic():  # of a change or a deletion, where there is one around it
        there, gone = set(administrators.values_list("pk", flat=True)), {user.pk for user in users}
    if there and there <= gone:
        raise ValidationError("Nobody would administer the portal any more. Make somebody else an administrator first.")


@admin.register(Workspace)
class WorkspaceAdmin(admin.ModelAdmin):
    """Who is there is changed on the page of its people: by the rules that hold there, and however many they are."""

    list_display = ["name", "people", "created"]
    search_fields = ["name"]
    readonly_fields = ["people"]

    def has_delete_permission(self, request, obj=None):
        return False  # what is in it would go without an event of its own

    @admin.display(description="who is there")
    def people(self, workspace):
        if not workspace.pk or workspace.is_shelf:
            return "–"
        return format_html('<a href="{}">People of {}</a>', reverse("people", args=[workspace.name]), workspace)


class ReadOnly(admin.ModelAdmin):
    """Looked at here; changed only by the verbs of the model."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Environment)
class EnvironmentAdmin(ReadOnly):
    list_display = ["name", "workspace", "latest_number", "changed"]
    list_select_related = ["workspace"]
    list_filter = ["workspace"]
    search_fields = ["name", "description"]


@admin.register(Version)
class VersionAdmin(ReadOnly):
    list_display = ["environment", "number", "author", "created", "image_key"]
    list_filter = ["environment__workspace"]
    date_hierarchy = "created"
    list_select_related = ["environment", "author"]
    search_fields = ["environment__name", "image_key"]


@admin.register(PrivateWheel)
class PrivateWheelAdmin(ReadOnly):
    list_display = ["filename", "workspace", "size", "uploaded_by", "created"]
    list_select_related = ["workspace", "uploaded_by"]
    list_filter = ["workspace"]
    search_fields = ["filename", "sha256"]


@admin.register(Token)
class TokenAdmin(admin.ModelAdmin):
    list_display = ["user", "name", "scopes", "workspace", "created", "expires", "used"]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username", "name"]
    fields = readonly_fields = ["user", "name", "scopes", "workspace", "created", "expires", "used"]

    def has_add_permission(self, request):
        return False  # a token is shown once, to whom it belongs

    def has_change_permission(self, request, obj=None):
        return False


@admin.register(Rule)
class RuleAdmin(admin.ModelAdmin):
    """What definitions may and must say; what this release knows itself stands in policy.py."""

    list_display = ["kind", "subject", "constraint", "manager", "workspace", "date", "replacement", "message"]
    list_display_links = ["subject"]
    list_select_related = ["workspace"]
    list_filter = ["kind", "workspace"]
    raw_id_fields = ["workspace"]
    search_fields = ["subject", "message"]
