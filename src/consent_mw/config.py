"""Configuration: what people write, checked at start-up. What follows from it is built in :mod:`consent_mw.build`.

Every error names the key, the value and what is allowed. Nothing here is read again during a request.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError, field_validator

from consent_mw.banner_settings import BannerSettings
from consent_mw.catalog.schema import CookieEntry, Id, ServiceEntry, Strict
from consent_mw.errors import ConfigError
from consent_mw.settings import (
    CategorySettings,
    ConsentModeSettings,
    Controller,
    CookieSettings,
    EnforcementSettings,
    LedgerSettings,
    LocationSettings,
    Origin,
    PolicySettings,
    RegimeSettings,
)
from consent_mw.webhook_settings import WebhookSettings

MIN_SECRET_BYTES = 32


class ConsentConfig(Strict):
    """The whole configuration. Every part has a default; with none of them set an app is already safe."""

    path: str = Field(default="/consent", pattern=r"^(?:/[A-Za-z0-9._~-]+)+$", max_length=100)
    use: tuple[Id, ...] = ()
    origins: tuple[Origin, ...] = ()
    policy: PolicySettings = PolicySettings()
    controller: Controller = Controller()
    cookie: CookieSettings = CookieSettings()
    enforcement: EnforcementSettings = EnforcementSettings()
    location: LocationSettings = LocationSettings()
    ledger: LedgerSettings = LedgerSettings()
    banner: BannerSettings = BannerSettings()
    regime: RegimeSettings = RegimeSettings()
    consent_mode: ConsentModeSettings = ConsentModeSettings()
    categories: tuple[CategorySettings, ...] = ()
    services: tuple[ServiceEntry, ...] = ()
    cookies: tuple[CookieEntry, ...] = ()
    webhooks: tuple[WebhookSettings, ...] = ()

    @field_validator("path")
    @classmethod
    def _reachable(cls, path: str) -> str:
        if {".", ".."}.intersection(path.split("/")):
            raise ValueError("allowed: a path that browsers ask for as it is written, without . and ..")
        return path

    def __init__(self, **values: Any) -> None:
        """:raises ConfigError: for any wrong or unknown key"""
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(_explain(error, values)) from None

    @classmethod
    def load(cls, source: str | PathLike[str] | Mapping[str, Any] | ConsentConfig | None = None) -> ConsentConfig:
        """From a TOML file, a mapping, a ready configuration, or nothing (the defaults).

        :raises ConfigError: when the file cannot be read, or anything in it is wrong
        """
        if source is None:
            return cls()
        if isinstance(source, ConsentConfig):
            return source
        if isinstance(source, Mapping):
            return cls(**{str(key): value for key, value in source.items()})
        if not isinstance(source, str | PathLike):
            raise ConfigError(f"config = {source!r}: allowed are a path, a mapping, a ConsentConfig or None")
        try:
            values = tomllib.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"config = {str(source)!r}: not a readable TOML file: {error}") from error
        return cls(**_beside(values, Path(source).parent))


def _beside(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A file names another one as seen from its own folder."""
    policy = values.get("policy")
    if isinstance(policy, dict) and isinstance(policy.get("previous"), str):
        return {**values, "policy": {**policy, "previous": str(folder / policy["previous"])}}
    return values


def check_secrets(secret_key: str | Sequence[str]) -> tuple[str, ...]:
    """The signing secrets, oldest first.

    :raises ConfigError: when there is none, or one is shorter than 32 bytes; the message never shows a secret
    """
    if not isinstance(secret_key, str | list | tuple):
        kind = type(secret_key).__name__
        raise ConfigError(f"secret_key is of type {kind}; allowed is one str, or a list of them with the newest last")
    keys: tuple[str, ...] = (secret_key,) if isinstance(secret_key, str) else tuple(secret_key)
    if not keys:
        raise ConfigError("secret_key = []: allowed is one secret, or a list of them with the newest last")
    for position, key in enumerate(keys):
        if not isinstance(key, str):
            raise ConfigError(f"secret_key[{position}]: allowed is a str, not {type(key).__name__}")
        if len(key.encode()) < MIN_SECRET_BYTES:
            raise ConfigError(
                f"secret_key[{position}] has {len(key.encode())} bytes; allowed: {MIN_SECRET_BYTES} or more, "
                "for example the output of: python -c 'import secrets; print(secrets.token_hex(32))'"
            )
    return keys


def _explain(error: ValidationError, values: Mapping[str, Any]) -> str:
    """Every mistake as one line: key, value, what is allowed."""
    lines = []
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        key = ".".join(str(part) for part in location) or "configuration"
        says = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            allowed = ", ".join(_keys_at(ConsentConfig, location[:-1]))
            close = difflib.get_close_matches(str(location[-1]), allowed.split(", "), n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            lines.append(f"{key}: unknown key{hint}; allowed: {allowed}")
        elif any(word in key for word in ("key", "secret")):
            lines.append(f"{key}: {says}")
        else:
            shown = "" if isinstance(detail["input"], Mapping | BaseModel) else f" = {detail['input']!r}"
            lines.append(f"{key}{shown}: {says}")
    return "; ".join(lines)


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that the table at a location knows."""
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            inner = next((a for a in getattr(annotation, "__args__", ()) if isinstance(a, type)), annotation)
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    return list(model.model_fields)
