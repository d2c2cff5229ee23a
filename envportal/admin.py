"""What of allauth an administrator has to do with: who signs in at a provider. The rest is kept in settings."""

from allauth.account import admin as _account  # noqa: F401, registers what is taken back below
from allauth.account.models import EmailAddress
from allauth.socialaccount import admin as _social  # noqa: F401
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.db import transaction

from events.models import Verb
from events.record import record

admin.site.unregister([EmailAddress, SocialAccount, SocialApp, SocialToken])


@admin.register(SocialAccount)
class SocialAccountAdmin(admin.ModelAdmin):
    """Whom a provider knows under which id. Made by signing in alone; without it the next time makes a new account."""

    list_display = ["user", "provider", "uid", "date_joined", "last_login"]
    list_select_related = ["user"]
    search_fields = ["user__username", "uid"]

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    @transaction.atomic
    def delete_model(self, request, obj):
        record(Verb.DELETED, obj, before={"provider": obj.provider}, about=obj.user.get_username())
        super().delete_model(request, obj)

    def delete_queryset(self, request, queryset):
        for account in queryset:
            self.delete_model(request, account)
