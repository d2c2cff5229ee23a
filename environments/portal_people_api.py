from django.contrib.auth import get_user_model
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.views.decorators.debug import sensitive_variables
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from envportal.pages import Pages

from . import password_links, portal_people
from .access import require_portal
from .models import Token
from .portal_people import Kind
from .portal_people_forms import PeopleForm
from .portal_people_views import CHANGE, VIEW


class ByUsername(Pages):
    ordering = "username"


class PersonSerializer(serializers.ModelSerializer):
    """Somebody who has an account. Roles are those on the whole portal."""

    person = serializers.CharField(source="username", max_length=150)
    name = serializers.CharField(source="get_full_name", read_only=True)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    roles_by_hand = serializers.ListField(child=serializers.ChoiceField(Kind.choices), required=False)
    roles_by_group = serializers.SerializerMethodField(
        help_text="what groups of the identity provider give, which is not changed here"
    )
    has_password = serializers.BooleanField(source="has_usable_password", read_only=True)
    last_sign_in = serializers.DateTimeField(source="last_login", read_only=True)

    class Meta:
        model = get_user_model()
        fields = [
            "person", "name", "email", "roles_by_hand", "roles_by_group", "is_active", "has_password", "last_sign_in",
        ]  # fmt: skip

    def get_roles_by_group(self, person) -> list[str]:
        return [each.kind.value for each in portal_people.standings(person) if each.is_by_group]

    def to_representation(self, person):
        person.roles_by_hand = [each.kind.value for each in portal_people.standings(person) if each.is_by_hand]
        return super().to_representation(person)


class NewPersonSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="username", max_length=150, validators=[get_user_model().username_validator])
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)

    class Meta:
        model = get_user_model()
        fields = ["person", "email"]

    def validate_person(self, name):
        return portal_people.new_name(name)


class ChangedPersonSerializer(serializers.Serializer):
    roles_by_hand = serializers.ListField(
        child=serializers.ChoiceField(Kind.choices), required=False, help_text="all that they are to have by hand"
    )
    is_active = serializers.BooleanField(required=False, help_text="whether they may sign in")


class PasswordLinkSerializer(serializers.Serializer):
    link = serializers.CharField(help_text="is never given out again")
    sent = serializers.BooleanField(help_text="whether it went out by mail")


class PortalPeople(generics.ListCreateAPIView):
    """Everybody who has an account, for administrators and auditors. POST makes one, without a password."""

    serializer_class = PersonSerializer
    pagination_class = ByUsername
    queryset = get_user_model().objects.none()  # which the schema asks for

    def get_queryset(self):
        require_portal(self.request, VIEW)
        return PeopleForm(self.request.query_params).find(portal_people.people())

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description="words of the name or the address"),
            OpenApiParameter("role", str, enum=Kind.values),
            OpenApiParameter("state", str, enum=["active", "inactive"]),
        ]
    )
    def get(self, request, *args, **kwargs):
        return super().get(request, *args, **kwargs)

    @extend_schema(request=NewPersonSerializer, responses={201: PersonSerializer})
    def post(self, request, *args, **kwargs):
        require_portal(request, CHANGE)
        asked = NewPersonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(PersonSerializer(portal_people.add(**asked.validated_data)).data, status=201)


class PortalPerson(APIView):
    @extend_schema(responses=PersonSerializer)
    def get(self, request, person):
        """Somebody by name."""
        require_portal(request, VIEW)
        return Response(PersonSerializer(_find(person)).data)

    @extend_schema(request=ChangedPersonSerializer, responses=PersonSerializer)
    def patch(self, request, person):
        """Say which roles they have by hand, and whether they may sign in. All of it happens, or nothing."""
        require_portal(request, CHANGE)
        found = _find(person)
        asked = ChangedPersonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():
            _change(found, **asked.validated_data)
        return Response(PersonSerializer(_find(person)).data)


class PersonPasswordLink(APIView):
    @extend_schema(request=None, responses={201: PasswordLinkSerializer})
    @sensitive_variables("path", "answer")
    def post(self, request, person):
        """Make a link by which this person sets a password, once. No token does: it would outlive its end."""
        require_portal(request, CHANGE)
        if isinstance(request.auth, Token):
            raise PermissionDenied("No token makes a link to set a password. Sign in for that.")
        found = _find(person)
        path = password_links.make(found)
        answer = {"link": request.build_absolute_uri(path), "sent": password_links.send(found, path)}
        return Response(answer, status=201)


def _find(name):
    return get_object_or_404(portal_people.people(), username=name)


def _change(person, roles_by_hand=None, is_active=None):
    if is_active is not None:
        (portal_people.reactivate if is_active else portal_people.deactivate)(person)
    if roles_by_hand is None:
        return
    for standing in portal_people.standings(person):
        is_wanted = standing.kind.value in roles_by_hand
        if is_wanted != standing.is_by_hand:
            (portal_people.give if is_wanted else portal_people.take)(person, standing.kind)
