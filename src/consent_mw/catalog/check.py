"""What must hold for the catalogue beyond its shape. Pure: data in, sentences out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from consent_mw.catalog.schema import CatalogFile, ServiceEntry
from consent_mw.core.matching import HostIndex

BLOCKS: Mapping[str, range] = {
    "analytics": range(1, 100),
    "tags": range(100, 150),
    "advertising": range(150, 300),
    "social": range(300, 350),
    "video": range(350, 400),
    "audio": range(400, 430),
    "maps": range(430, 460),
    "support": range(460, 540),
    "experiments": range(540, 580),
    "replay": range(580, 620),
    "forms": range(620, 660),
    "diagnostics": range(660, 720),
    "location": range(720, 750),
    "embeds": range(750, 800),
    "china": range(800, 1000),
}
"""The numbers of each file. A number stands for its service in visitors' cookies, so it never moves."""

# Below these, names belong to people who have nothing to do with each other.
SHARED_SUFFIXES = frozenset(
    "co.uk org.uk com.au co.jp co.kr com.cn net.cn org.cn com.br com.tw com.hk co.in "
    "amazonaws.com s3.amazonaws.com cloudfront.net azureedge.net azurewebsites.net msecnd.net vo.msecnd.net "
    "windows.net blob.core.windows.net googleapis.com storage.googleapis.com appspot.com web.app firebaseapp.com "
    "blogspot.com githubusercontent.com github.io gitlab.io netlify.app vercel.app pages.dev workers.dev fly.dev "
    "herokuapp.com onrender.com akamaihd.net akamaized.net edgekey.net fastly.net fastlylb.net b-cdn.net "
    "digitaloceanspaces.com aliyuncs.com alicdn.com bcebos.com myqcloud.com qcloud.com qbox.me clouddn.com "
    "bytegoofy.com pstatp.com volccdn.com bdstatic.com gtimg.com gtimg.cn qhimg.com gstatic.com".split()
)

_LITERALS = 3  # of a name with a glob: fewer would claim other people's cookies
_PLAIN_WORDS = re.compile(r"[A-Za-z]?[a-z]*(?: [A-Za-z]?[a-z]*)*")


def problems(files: Mapping[str, CatalogFile], not_gated: Mapping[str, str]) -> list[str]:
    """What is wrong, as sentences that name the entry; empty when all is well.

    :param files: the data files by kind, see :func:`consent_mw.catalog.load.read_files`
    :param not_gated: hosts that no service may catch, each with the reason
    """
    services = [service for file in files.values() for service in file.services]
    return [
        *_numbers(files),
        *(problem for service in services for problem in _entry(service)),
        *_claimed_twice(files),
        *_caught(services, not_gated),
        *_markers(services),
    ]


def _numbers(files: Mapping[str, CatalogFile]) -> Iterator[str]:
    for kind, file in files.items():
        block = BLOCKS.get(kind, range(0))
        before = 0
        for service in file.services:
            number = service.number or 0
            if number not in block:
                yield f"{service.id}: number {number} is outside the block of {kind}.toml"
            elif number <= before:
                yield f"{service.id}: number {number} comes after {before} in {kind}.toml; entries are sorted"
            before = number


def _entry(service: ServiceEntry) -> Iterator[str]:
    for field in ("owner", "country", "policy_url"):
        if not getattr(service, field):
            yield f"{service.id}: has no {field}"
    if not service.policy_url.startswith("https://"):
        yield f"{service.id}: policy_url {service.policy_url!r} is not an https address"
    if not (service.hosts or service.paths or service.cookies or service.inline):
        yield f"{service.id}: has nothing to be known by"
    if not service.purposes:
        yield f"{service.id}: has no purpose; categories belong to sites, purposes to the catalogue"
    yield from _breadth(service)


def _breadth(service: ServiceEntry) -> Iterator[str]:
    for host in service.hosts:
        if "." not in host or host in SHARED_SUFFIXES:
            yield f"{service.id}: host {host!r} is shared by others"
    for name in (*(cookie.name for cookie in service.cookies), *service.storage):
        if "*" in name and len(name.replace("*", "")) < _LITERALS:
            yield f"{service.id}: {name!r} claims too many names"
    for reference in (*service.hosts, *service.paths):
        host = reference.partition("/")[0]
        above = [parent for parent in service.hosts if parent != reference and _covers(parent, host)]
        if above:
            yield f"{service.id}: {reference!r} is covered by {above[0]!r} already"


def _covers(parent: str, host: str) -> bool:
    return host == parent or host.endswith("." + parent)


def _claimed_twice(files: Mapping[str, CatalogFile]) -> Iterator[str]:
    """One meaning per thing: what two entries claim would go to whichever is read first."""
    owners: dict[tuple[str, object], str] = {}
    for owner, kind, value in _claims(files):
        if (kind, value) in owners:
            yield f"{owner}: {kind} {value!r} belongs to {owners[kind, value]} already"
        owners.setdefault((kind, value), owner)


def _claims(files: Mapping[str, CatalogFile]) -> Iterator[tuple[str, str, object]]:
    for kind, file in files.items():
        for service in file.services:
            owner = f"{service.id} ({kind}.toml)"
            yield owner, "id", service.id
            yield owner, "number", service.number
            for field in ("hosts", "paths", "storage", "inline"):
                yield from ((owner, field, value) for value in getattr(service, field))
            yield from ((owner, "cookie", cookie.name) for cookie in service.cookies)
        for position, cookie in enumerate(file.cookies):
            yield f"{kind}.toml cookie {position + 1}", "cookie", cookie.name


def _caught(services: Iterable[ServiceEntry], not_gated: Mapping[str, str]) -> Iterator[str]:
    index = HostIndex((ref, service) for service in services for ref in (*service.hosts, *service.paths))
    for reference, why in not_gated.items():
        host, slash, path = reference.partition("/")
        service = index.find(host, slash + path or "/")
        if service is not None:
            yield f"{service.id}: catches {reference!r}, which stays free ({why})"


def _markers(services: list[ServiceEntry]) -> Iterator[str]:
    """A marker must not match prose that names a service, nor the snippet of another one."""
    prose = "\n".join(" ".join((s.id, s.name, s.owner, *s.hosts)) for s in services)
    markers = [(marker, service.id) for service in services for marker in service.inline]
    for marker, id in markers:
        if marker in prose or _PLAIN_WORDS.fullmatch(marker):
            yield f"{id}: inline marker {marker!r} matches prose"
        for other, other_id in markers:
            if marker in other and other_id != id and marker != other:
                yield f"{id}: inline marker {marker!r} matches {other!r} of {other_id}"
