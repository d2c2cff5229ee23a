"""Who a token lets in, and what its scopes let it do."""

from django.core.exceptions import PermissionDenied
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission

from . import portal_roles
from .models import Token

# What a token needs is said here and nowhere else: `read` for what is only looked at, `build` for what builds, and
# `write` for all other changes. These POSTs keep nothing.
READS = {"api-environment-diff", "api-import", "api-resolve"}
BUILDS = {
    "api-build-archive",
    "api-build-cancel",
    "api-build-rebuild",
    "api-refresh",
    "api-version-builds",
    "api-version-locks",
}


def needed_scope(request):
    name = request.resolver_match.url_name
    if request.method in SAFE_METHODS or name in READS:
        return "read"
    return "build" if name in BUILDS else "write"


def check_scope(request, token):
    """Raise PermissionDenied unless one of the token's scopes allows this request."""
    scope = needed_scope(request)
    if scope not in token.scopes:
        raise PermissionDenied(f"This token may {' and '.join(token.scopes)}. This needs the scope {scope}.")


def find(text):
    """Return the Token whose text this is, if it opens anything now, and its person as it shows them."""
    tokens = Token.objects.usable().select_related("user")
    token = portal_roles.with_roles(tokens, "user").filter(digest=Token.digest_of(text)).first()
    if token:
        token.show_person()
        token.note_use()
    return token


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer TOKEN`."""

    def authenticate(self, request):
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != b"bearer":
            return None
        if len(words) != 2:
            raise AuthenticationFailed("Write the header as: Authorization: Bearer TOKEN")
        token = find(words[1].decode("latin-1"))
        if not token:
            raise AuthenticationFailed("This token opens nothing: revoked, expired, or its owner may not sign in.")
        return token.user, token

    def authenticate_header(self, request):
        return "Bearer"


class WithinScopes(BasePermission):
    """Whoever comes by a session has no scopes, and may what they may."""

    def has_permission(self, request, view):
        if isinstance(request.auth, Token):
            check_scope(request, request.auth)
        return True


class OwnAccount(BasePermission):
    message = "A token of one workspace sees and changes nothing of its owner's account."

    def has_permission(self, request, view):
        return portal_roles.reach_of(request.user) is None


class TokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document calls it."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer"}
