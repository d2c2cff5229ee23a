from django.urls import path

from . import api

urlpatterns = [
    path("workspaces/<slug:workspace>/runs/", api.RunList.as_view(), name="api-runs"),
    path("runs/<uuid:pk>/", api.RunDetail.as_view(), name="api-run"),
]
