from django.urls import path

from . import secret_views, views, wheel_views

urlpatterns = [
    path("workspaces/<slug:workspace>/", views.environments, name="environments"),
    path("workspaces/<slug:workspace>/new/", views.new_environment, name="new-environment"),
    path("workspaces/<slug:workspace>/new/from/", views.starts, name="starts"),
    path("workspaces/<slug:workspace>/environments/<name:name>/", views.environment, name="environment"),
    path("workspaces/<slug:workspace>/environments/<name:name>/new-version/", views.new_version, name="new-version"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/",
        views.version,
        name="version",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/files/<file:file>",
        views.version_file,
        name="version-file",
    ),
    path("workspaces/<slug:workspace>/secrets/", secret_views.secrets, name="secrets"),
    path("workspaces/<slug:workspace>/secrets/<secret:name>/delete/", secret_views.delete_secret, name="secret-delete"),
    path("workspaces/<slug:workspace>/wheels/", wheel_views.wheels, name="wheels"),
    path("workspaces/<slug:workspace>/wheels/<sha256:sha256>/", wheel_views.wheel, name="wheel"),
    path("workspaces/<slug:workspace>/wheels/<sha256:sha256>/delete/", wheel_views.delete_wheel, name="wheel-delete"),
    path(
        "workspaces/<slug:workspace>/wheels/<sha256:sha256>/<wheel:filename>",
        wheel_views.wheel_file,
        name="wheel-file",
    ),
]
