from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

from environments import converters  # noqa: F401, registers them before the urls that use them

from . import oidc, passwords, setting_views
from .api import nothing
from .health import healthz
from .sign_in import admin_sign_in, sign_in, sign_out

urlpatterns = [
    path("sign-in/", sign_in, name="sign-in"),
    path("sign-in/oidc/", oidc.sign_in, name="oidc-sign-in"),
    path("sign-in/oidc/callback/", oidc.callback, name="oidc-callback"),
    path("sign-in/password/", passwords.ask, name="ask-password"),
    path("sign-in/password/<str:uidb64>/<str:token>/", passwords.set_password, name="set-password"),
    path("sign-out/", sign_out, name="sign-out"),
    path("administration/settings/", setting_views.page, name="settings"),
    path("api/v1/administration/settings/", setting_views.SettingList.as_view(), name="api-settings"),
    path("", include("builds.urls")),
    path("", include("environments.urls")),
    path("", include("runs.urls")),
    path("api/v1/", include("environments.api_urls")),
    path("api/v1/", include("builds.api_urls")),
    path("api/v1/", include("runs.api_urls")),
    path("api/schema/", SpectacularJSONAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("api/<path:path>", csrf_exempt(login_not_required(nothing)), name="api-nothing"),
    path("healthz", healthz, name="healthz"),
    path("admin/login/", admin_sign_in, name="admin-sign-in"),
    path("admin/", admin.site.urls),
]
