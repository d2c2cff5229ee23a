from django.urls import path

from . import converters, usage_views, views  # noqa: F401, converters are registered before the paths

urlpatterns = [
    path("audit/", usage_views.audit, name="audit"),
    path("audit/export.<export:kind>", usage_views.export, name="audit-export"),
    path("workspaces/<slug:workspace>/runs/", views.runs, name="runs"),
    path("runs/<uuid:pk>/", views.run, name="run"),
]
