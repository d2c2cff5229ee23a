from django.urls import path

from . import views

urlpatterns = [
    path("workspaces/<slug:workspace>/", views.environments, name="environments"),
    path("workspaces/<slug:workspace>/new/", views.new_environment, name="new-environment"),
    path("workspaces/<slug:workspace>/environments/<name:name>/", views.environment, name="environment"),
    path("workspaces/<slug:workspace>/environments/<name:name>/new-version/", views.new_version, name="new-version"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/",
        views.version,
        name="version",
    ),
]
