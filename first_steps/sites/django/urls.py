"""The views of a Django project, before Pavior."""

# ruff: noqa
# mypy: ignore-errors
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path


def home(request):
    if request.method == "POST":
        user, _ = User.objects.get_or_create(pk=7, username="ada")
        login(request, user)
        return redirect("/")
    name = request.user.username or "nobody"
    return HttpResponse(
        f"<!doctype html><title>Shop</title><h1>{name}</h1>"
        '<form method="post"><button>Log in</button></form>'
    )


urlpatterns = [path("", home)]
