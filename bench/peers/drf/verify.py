"""What a key guards: an answer that says so. The package's permission has looked at the key."""

from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView


class Verify(APIView):
    def get(self, request):
        return Response({"allowed": True})


urlpatterns = [path("verify", Verify.as_view())]
