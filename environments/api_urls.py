from django.urls import path

from . import api, secret_api, wheel_api

urlpatterns = [
    path("import/", api.Import.as_view(), name="api-import"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/files/<file:file>/",
        api.VersionFile.as_view(),
        name="api-version-file",
    ),
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
    path("workspaces/<slug:workspace>/secrets/", secret_api.SecretList.as_view(), name="api-secrets"),
    path("workspaces/<slug:workspace>/secrets/<name:name>/", secret_api.SecretDetail.as_view(), name="api-secret"),
    path("workspaces/<slug:workspace>/wheels/", wheel_api.WheelList.as_view(), name="api-wheels"),
    path("workspaces/<slug:workspace>/wheels/<sha256:sha256>/", wheel_api.WheelDetail.as_view(), name="api-wheel"),
]
