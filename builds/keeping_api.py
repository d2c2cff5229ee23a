from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from . import keeping
from .access import get_build
from .api import BuildSerializer

REFUSED = OpenApiResponse(description="`detail` says why not")


def answer_refusal(fault):
    return Response({"detail": fault.message}, status=409)


class BuildRebuild(APIView):
    @extend_schema(request=None, responses={201: OpenApiResponse(BuildSerializer, "queued"), 409: REFUSED})
    def post(self, request, pk):
        """Build the same version anew, from the kept lock. What a good build made stays until the new one is good."""
        build = get_build(request, pk, "builds.add_build")
        try:
            return Response(BuildSerializer(keeping.rebuild(build, request.user)).data, status=201)
        except keeping.Refused as fault:
            return answer_refusal(fault)


class BuildFree(APIView):
    @extend_schema(request=None, responses={200: BuildSerializer, 409: REFUSED})
    def post(self, request, pk):
        """Remove the installed packages and archives of a build. Its record, lock and log stay."""
        build = get_build(request, pk, "builds.free_build")
        try:
            keeping.free(build, request.user)
        except keeping.Refused as fault:
            return answer_refusal(fault)
        build.refresh_from_db()
        return Response(BuildSerializer(build).data)
