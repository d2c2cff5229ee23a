"""What of allauth an administrator has to do with: who signs in at a provider. The rest is kept in settings."""

from allauth.account import admin as _account  # noqa: F401, registers what is taken back below
from allauth.account.models import EmailAddress
from allauth.socialaccount import admin as _social  # noqa: F401
from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin

admin.site.unregister([EmailAddress, SocialApp, SocialToken])
