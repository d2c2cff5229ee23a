from django.urls import path

from . import account_api, api, people_api, policy_api, secret_api, shelf_api, wheel_api

urlpatterns = [
    path("me/", account_api.Me.as_view(), name="api-me"),
    path("me/tokens/", account_api.TokenList.as_view(), name="api-tokens"),
    path("me/tokens/<int:pk>/", account_api.TokenDetail.as_view(), name="api-token"),
    path("me/sessions/", account_api.SessionList.as_view(), name="api-sessions"),
    path("me/sessions/<str:handle>/", account_api.SessionDetail.as_view(), name="api-session"),
    path("invitations/", people_api.Accept.as_view(), name="api-invitation-accept"),
    path("workspaces/<slug:workspace>/members/", people_api.MemberList.as_view(), name="api-members"),
    path("workspaces/<slug:workspace>/members/<str:person>/", people_api.MemberDetail.as_view(), name="api-member"),
    path("workspaces/<slug:workspace>/invitations/", people_api.InvitationList.as_view(), name="api-invitations"),
    path(
        "workspaces/<slug:workspace>/invitations/<int:pk>/",
        people_api.InvitationDetail.as_view(),
        name="api-invitation",
    ),
    path("import/", api.Import.as_view(), name="api-import"),
    path(
        "workspaces/<slug:workspace>/environments/<name:name>/versions/<number:number>/files/<file:file>/",
        api.VersionFile.as_view(),
        name="api-version-file",
    ),
    path("curated/", shelf_api.CuratedList.as_view(), name="api-shelf"),
    path("curated/<name:name>/", shelf_api.CuratedDetail.as_view(), name="api-curated"),
    path("curated/<name:name>/users/", shelf_api.CuratedUsers.as_view(), name="api-curated-users"),
    path("workspaces/<slug:workspace>/environments/<name:name>/origin/", shelf_api.Origin.as_view(), name="api-origin"),
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
    path("administration/policies/", policy_api.PolicyList.as_view(), name="api-portal-policies"),
    path("administration/policies/<int:pk>/", policy_api.PolicyDetail.as_view(), name="api-portal-policy"),
    path("workspaces/<slug:workspace>/policies/", policy_api.WorkspacePolicyList.as_view(), name="api-policies"),
    path(
        "workspaces/<slug:workspace>/policies/<int:pk>/",
        policy_api.WorkspacePolicyDetail.as_view(),
        name="api-policy",
    ),
    path("workspaces/<slug:workspace>/secrets/", secret_api.SecretList.as_view(), name="api-secrets"),
    path("workspaces/<slug:workspace>/secrets/<name:name>/", secret_api.SecretDetail.as_view(), name="api-secret"),
    path("workspaces/<slug:workspace>/wheels/", wheel_api.WheelList.as_view(), name="api-wheels"),
    path("workspaces/<slug:workspace>/wheels/<sha256:sha256>/", wheel_api.WheelDetail.as_view(), name="api-wheel"),
]
