from django.urls import path

from . import views

urlpatterns = [
    path("workspaces/<slug:workspace>/runs/", views.runs, name="runs"),
    path("runs/<uuid:pk>/", views.run, name="run"),
]
