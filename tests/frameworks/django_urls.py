"""The views of the Django project, and their URLs: Django imports them once it is configured."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIRequest
from django.http import (
    FileResponse,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import etag
from django.views.static import serve

from pavior_middleware.django import skip
from tests.frameworks import pages
from tests.frameworks.gates import gated, gated_async
from tests.frameworks.pages import POLICY, REPORT, STATIC, USERS


def user_of(request: Any) -> pages.User | None:
    return USERS.get(request.user.get_username())


def log_in(request: Any) -> Any:
    user = User.objects.get(username=request.POST["user"])
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    return _see_home()


def log_out(request: Any) -> Any:
    logout(request)
    return _see_home()


def _see_home() -> Any:
    response = HttpResponseRedirect("/")
    response.status_code = 303
    return response


def home(request: Any) -> Any:
    return HttpResponse(pages.page(user_of(request)))


async def home_async(request: Any) -> Any:
    user = await request.auser() if hasattr(request, "auser") else None
    return HttpResponse(pages.page(None if user is None else USERS.get(user.get_username())))


def api(request: Any) -> Any:
    user = user_of(request)
    return JsonResponse({"user": None if user is None else user.name})


def report(request: Any) -> Any:
    return FileResponse(REPORT.open("rb"), content_type="text/plain")


def stream(request: Any) -> Any:
    pieces = gated_async if isinstance(request, ASGIRequest) else gated
    return StreamingHttpResponse(pieces(pages.pieces(user_of(request)), request.GET.get("gate")))


def boom(request: Any) -> Any:
    raise RuntimeError("boom")


@etag(lambda request: pages.tag_of(pages.page(user_of(request))))  # type: ignore[untyped-decorator]
def tagged(request: Any) -> Any:
    return HttpResponse(pages.page(user_of(request)))


def in_gzip(request: Any) -> Any:
    page = pages.page_in_gzip(user_of(request))
    return HttpResponse(page, headers={"Content-Encoding": "gzip"})


def nonce(request: Any) -> Any:
    page = pages.page(user_of(request))
    return HttpResponse(page, headers={"Content-Security-Policy": POLICY})


@skip
def skipped(request: Any) -> Any:
    return HttpResponse(pages.page(user_of(request)))


urlpatterns = [
    path("", home),
    path("async", home_async),
    path("login", csrf_exempt(log_in)),
    path("logout", csrf_exempt(log_out)),
    path("api", api),
    path("report", report),
    path("static/<path:path>", serve, {"document_root": STATIC}),
    path("stream", stream),
    path("boom", boom),
    path("tagged", tagged),
    path("echo", csrf_exempt(home)),
    path("gzip", in_gzip),
    path("nonce", nonce),
    path("skipped", skipped),
    path("admin/", admin.site.urls),
]
