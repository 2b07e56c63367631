"""The URL configuration of the Django app under test: the admin, as ``startproject`` writes it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
