from django.urls import path

from . import api

urlpatterns = [
    path("workspaces/", api.WorkspaceList.as_view(), name="api-workspaces"),
    path("workspaces/<slug:workspace>/environments/", api.EnvironmentList.as_view(), name="api-environments"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/",
        api.EnvironmentDetail.as_view(),
        name="api-environment",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/",
        api.VersionList.as_view(),
        name="api-versions",
    ),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/",
        api.VersionDetail.as_view(),
        name="api-version",
    ),
]
