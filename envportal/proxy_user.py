"""People whom a proxy in front of the portal has signed in. Only where a setting names the header, and only from the
addresses that another one trusts: anybody else may write that header as they like, and it is not looked at."""

import ipaddress

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.core.exceptions import MiddlewareNotUsed, ValidationError

from .sign_in import Accounts


class ProxyUser(RemoteUserMiddleware):
    async_capable = False

    def __init__(self, get_response):
        if not settings.PROXY_USER_HEADER:
            raise MiddlewareNotUsed
        super().__init__(get_response)
        self.name = settings.PROXY_USER_HEADER.lower()
        self.header = f"HTTP_{self.name.upper().replace('-', '_')}"

    def process_request(self, request):
        name = self._told(request)
        request.META.pop(self.header, None)
        if name:
            request.META[self.header] = name
        super().process_request(request)

    def _told(self, request):
        """The name that the proxy says; empty where it says none, or somebody else could have said it."""
        if not is_trusted(request.META.get("REMOTE_ADDR", "")):
            return ""
        if not hasattr(request, "scope"):
            return request.META.get(self.header, "")
        # Django takes `x_remote_user` for `x-remote-user`, which the proxy may have let through.
        said = [value for name, value in request.scope["headers"] if name.decode("latin-1").lower() == self.name]
        return said[0].decode("latin-1") if len(said) == 1 else ""


def is_trusted(address):
    try:
        address = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network, strict=False) for network in settings.PROXY_USER_FROM)


class ProxyAccounts(RemoteUserBackend, Accounts):
    """Who comes for the first time gets an account that is a member of nothing."""

    def clean_username(self, username):
        return username.strip()

    def authenticate(self, request, remote_user):
        people, name = get_user_model(), self.clean_username(remote_user)
        try:
            people._meta.get_field(people.USERNAME_FIELD).clean(name, None)
        except ValidationError:  # no name that an account can have
            return None
        return super().authenticate(request, remote_user)

    def configure_user(self, request, user, created=True):
        if created:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        return user
