"""Files made by real tools, with places in every slot those tools can write, judged by exiftool.

Needs the Debian packages libimage-exiftool-perl and ffmpeg, and the Python packages pillow and pillow-heif. Missing
tools fail the tests: an oracle that is not asked proves nothing.
"""

from __future__ import annotations

import base64
import io
import json
import random
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, ImageSequence

from consent_mw.enforce.photos.media import MediaScrubber, scrub

pillow_heif.register_heif_opener()

MARKS = ("Qyzzyville", "Qyzzyland", "QZ1")
"""Made-up place names, to be searched for in the raw bytes too."""

PLACE_TAG = re.compile(
    r"GPS|Latitude|Longitude|^DCTermsLocation|^(City2?|State|Province-State|Country|CountryCode|Country-PrimaryLocation\w+|Location\w*|"
    r"Sub-location|ContentLocation\w+|Landmark)$|ISO6709"
)
NOT_CARRIED = {
    "SourceFile", "Directory", "FileName", "FileModifyDate", "FileAccessDate", "FileInodeChangeDate", "FilePermissions",
    "ExifToolVersion", "CurrentIPTCDigest", "FileSize", "Warning",
}  # fmt: skip

GPS = ["-GPSLatitude=39.9042", "-GPSLatitudeRef=N", "-GPSLongitude=116.4074", "-GPSLongitudeRef=E", "-GPSAltitude=44",
       "-GPSMapDatum=WGS-84", "-GPSDateStamp=2026:01:02", "-GPSTimeStamp=01:02:03"]  # fmt: skip
XMP = ["-XMP-exif:GPSLatitude=39.9042", "-XMP-exif:GPSLongitude=116.4074", "-XMP-photoshop:City=Qyzzyville",
       "-XMP-photoshop:Country=Qyzzyland", "-XMP-photoshop:State=Qyzzyville", "-XMP-iptcCore:CountryCode=QZ1",
       "-XMP-iptcCore:Location=Qyzzyville", "-XMP-iptcExt:LocationShownCity=Qyzzyville",
       "-XMP-iptcExt:LocationCreatedCountryName=Qyzzyland", "-XMP-iptcExt:LocationShownGPSLatitude=39.9042",
       "-XMP-drone-dji:GpsLatitude=39.9042", "-XMP-dwc:DCDecimalLatitude=39.9042"]  # fmt: skip
IPTC = [
    "-IPTC:City=Qyzzyville",
    "-IPTC:Country-PrimaryLocationName=Qyzzyland",
    "-IPTC:Province-State=Qyzzyville",
    "-IPTC:Sub-location=Qyzzyville",
    "-IPTC:Country-PrimaryLocationCode=QZ1",
    "-IPTC:ContentLocationName=Qyzzyville",
]
OTHERS = [
    "-EXIF:Orientation#=6",
    "-EXIF:Artist=A. Painter",
    "-EXIF:DateTimeOriginal=2026:01:02 03:04:05",
    "-EXIF:Copyright=Someone",
    "-XMP-dc:Title=A title",
    "-XMP-dc:Creator=A. Painter",
    "-XMP-xmp:Rating=4",
]
IPTC_OTHERS = ["-IPTC:Keywords=tree", "-IPTC:By-line=A. Painter", "-IPTC:Caption-Abstract=A caption"]


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing; install the Debian package {package}")
    return found


def exiftool(*arguments: str) -> str:
    program = tool("exiftool", "libimage-exiftool-perl")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"exiftool {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def tags(path: Path) -> dict[str, object]:
    (found,) = json.loads(exiftool("-json", "-a", "-G1:4", "-struct", "-ee", "-U", "-n", str(path)))
    return {key: value for key, value in found.items() if key.rpartition(":")[2] not in NOT_CARRIED}


def places(found: dict[str, object]) -> list[str]:
    # Zero entries left in a list of keys are names of settings, not places.
    return [key for key in found if PLACE_TAG.search(key.rpartition(":")[2])]


def picture(kind: str, **options: object) -> bytes:
    image = Image.frombytes("RGB", (64, 48), random.Random(7).randbytes(64 * 48 * 3)).resize((128, 96))
    if kind == "GIF":
        image = image.quantize(64)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bigtiff() -> bytes:
    """A BigTIFF with a GPS directory; no tool at hand writes one, so its directory moves to the end and grows."""
    data = bytearray(picture("TIFF", big_tiff=True, tiffinfo={0x0112: 6, 0x013B: "A. Painter"}))
    at = int.from_bytes(data[8:16], "little")
    count = int.from_bytes(data[at : at + 8], "little")
    entries = bytes(data[at + 8 : at + 8 + count * 20])
    gps_at = len(data)
    values_at = gps_at + 8 + 4 * 20 + 8
    gps = [struct.pack("<HHQ8s", 1, 2, 2, b"N"), struct.pack("<HHQQ", 2, 5, 3, values_at),
           struct.pack("<HHQ8s", 3, 2, 2, b"E"), struct.pack("<HHQQ", 4, 5, 3, values_at + 24)]  # fmt: skip
    data += struct.pack("<Q", len(gps)) + b"".join(gps) + bytes(8)
    data += struct.pack("<12I", 39, 1, 54, 1, 1512, 100, 116, 1, 24, 1, 2664, 100)
    data[8:16] = struct.pack("<Q", len(data))
    data += struct.pack("<Q", count + 1) + entries + struct.pack("<HHQQ", 0x8825, 18, 1, gps_at) + bytes(8)
    return bytes(data)


def pixels(data: bytes) -> list[bytes]:
    with Image.open(io.BytesIO(data)) as image:
        return [frame.convert("RGBA").tobytes() for frame in ImageSequence.Iterator(image)]


def write(path: Path, data: bytes, *arguments: str) -> bytes:
    path.write_bytes(data)
    if arguments:
        exiftool("-overwrite_original", "-q", "-m", *arguments, str(path))
    return path.read_bytes()


STILLS = {
    "jpeg": ("JPEG", {"quality": 90}, [*GPS, *XMP, *IPTC, *OTHERS, *IPTC_OTHERS]),
    "progressive-jpeg": ("JPEG", {"progressive": True}, [*GPS, *XMP, *IPTC, *OTHERS, *IPTC_OTHERS]),
    "big-endian-jpeg": ("JPEG", {}, ["-ExifByteOrder=MM", *GPS, *OTHERS]),
    "png": ("PNG", {}, [*GPS, *XMP, *OTHERS]),
    "compressed-png": ("PNG", {}, ["-z", *GPS, *XMP, *OTHERS]),
    "profile-png": ("PNG", {}, [*IPTC, *IPTC_OTHERS]),
    "webp": ("WEBP", {}, [*GPS, *XMP, *OTHERS]),
    "lossless-webp": ("WEBP", {"lossless": True}, [*GPS, *XMP, *OTHERS]),
    "tiff": ("TIFF", {}, [*GPS, *XMP, *IPTC, *OTHERS, *IPTC_OTHERS]),
    "big-endian-tiff": ("TIFF", {"compression": "tiff_lzw"}, ["-ExifByteOrder=MM", *GPS, *XMP, *OTHERS]),
    "heic": ("HEIF", {"quality": 80}, [*GPS, *XMP, *OTHERS]),
    "avif": ("AVIF", {"speed": 10}, [*GPS, *XMP, *OTHERS]),
    "gif": ("GIF", {}, [*XMP, "-XMP-dc:Title=A title"]),
}
SHRINKING = ("compressed-png", "profile-png")
"""A text that was compressed is compressed anew, and takes less."""


def check(path: Path, before: bytes, *, keep_length: bool = True) -> None:
    path.write_bytes(before)
    had = tags(path)
    assert places(had), "the file must have places to begin with"
    result = scrub(before)
    assert result.broken is None
    assert result.removed
    assert len(result.data) <= len(before)
    if keep_length:
        assert len(result.data) == len(before)
    path.write_bytes(result.data)
    left = tags(path)
    assert places(left) == []
    kept = {key: value for key, value in had.items() if key not in places(had)}
    assert {key: value for key, value in left.items() if key in kept} == kept
    assert not [mark for mark in MARKS if mark.encode() in result.data]
    assert scrub(result.data).data is result.data, "nothing is left to do the second time"
    in_pieces(before, result.data)


def in_pieces(before: bytes, after: bytes) -> None:
    for size in (1, 7, 4096):
        scrubber = MediaScrubber()
        parts = [scrubber.feed(before[at : at + size]) for at in range(0, len(before), size)]
        assert b"".join([*parts, scrubber.close()]) == after


@pytest.mark.parametrize("name", STILLS)
def test_a_picture_keeps_everything_but_its_place(name: str, tmp_path: Path) -> None:
    kind, options, arguments = STILLS[name]
    path = tmp_path / f"picture.{ {'JPEG': 'jpg', 'HEIF': 'heic'}.get(kind, kind.lower()) }"
    before = write(path, picture(kind, **options), *arguments)
    check(path, before, keep_length=name not in SHRINKING)
    assert pixels(path.read_bytes()) == pixels(before)


def test_a_bigtiff_keeps_everything_but_its_place(tmp_path: Path) -> None:
    """exiftool reads the GPS directory of a BigTIFF, but under the names of another table."""
    path, before = tmp_path / "picture.tiff", bigtiff()
    path.write_bytes(before)
    assert "GPSInfo directory with 4 entries" in exiftool("-v3", str(path))
    result = scrub(before)
    assert (result.removed, result.broken) == (("Exif GPS",), None)
    path.write_bytes(result.data)
    assert "GPSInfo" not in exiftool("-v3", str(path))
    assert struct.pack("<4I", 39, 1, 54, 1) not in result.data
    assert tags(path)["IFD0:Artist"] == "A. Painter"
    assert len(result.data) == len(before)
    assert pixels(result.data) == pixels(before)


def video(path: Path, *arguments: str) -> bytes:
    program = tool("ffmpeg", "ffmpeg")
    command = [program, "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=d=0.4:s=64x48:r=10", *arguments, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


def frames(path: Path) -> str:
    program = tool("ffmpeg", "ffmpeg")
    command = [program, "-v", "error", "-i", str(path), "-f", "framemd5", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


VIDEOS = {
    "mp4": ("mp4", ["-metadata", "location=+39.9042+116.4074/", "-metadata", "title=A title"]),
    "faststart-mp4": ("mp4", ["-movflags", "+faststart", "-metadata", "location=+39.9042+116.4074/"]),
    "mov": ("mov", ["-metadata", "location=+39.9042+116.4074/", "-metadata", "title=A title"]),
    "mdta-mov": (
        "mov",
        ["-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.location.ISO6709=+39.9042+116.4074/",
         "-metadata", "com.apple.quicktime.make=Maker"],
    ),
    "3gp": ("3gp", ["-metadata", "location=+39.9042+116.4074/", "-c:v", "mpeg4"]),
}  # fmt: skip

VIDEO_TAGS = ["-Keys:GPSCoordinates=39.9042 116.4074 44", "-ItemList:GPSCoordinates=39.9042 116.4074 44",
              "-UserData:GPSCoordinates=39.9042 116.4074 44",
              "-UserData:LocationInformation=Qyzzyville Lat=39.9 Lon=116.4",
              "-Keys:LocationName=Qyzzyville", "-XMP-exif:GPSLatitude=39.9042", "-XMP-dc:Title=A title",
              "-Keys:DisplayName=A name", "-XMP-photoshop:City=Qyzzyville"]  # fmt: skip


@pytest.mark.parametrize("tagged", [False, True], ids=["ffmpeg", "exiftool"])
@pytest.mark.parametrize("name", VIDEOS)
def test_a_video_keeps_everything_but_its_place(name: str, tagged: bool, tmp_path: Path) -> None:
    suffix, arguments = VIDEOS[name]
    path = tmp_path / f"video.{suffix}"
    before = video(path, *arguments)
    if tagged:
        before = write(path, before, *VIDEO_TAGS)
    shown = frames(path)
    check(path, before)
    assert frames(path) == shown


def test_a_thumbnail_is_cleared_too(tmp_path: Path) -> None:
    thumbnail = write(tmp_path / "thumb.jpg", picture("JPEG"), *GPS, "-XMP-photoshop:City=Qyzzyville")
    inner = tmp_path / "inner.jpg"
    inner.write_bytes(thumbnail)
    before = write(tmp_path / "outer.jpg", picture("JPEG"), f"-ThumbnailImage<={inner}", *GPS, *OTHERS)
    assert before.count(b"Exif\0\0") == 2
    check(tmp_path / "outer.jpg", before)
    exiftool("-b", "-w", "%0f" + str(tmp_path / "after.jpg"), "-ThumbnailImage", str(tmp_path / "outer.jpg"))
    assert places(tags(tmp_path / "after.jpg")) == []


def test_second_pictures_motion_and_unknown_trailers(tmp_path: Path) -> None:
    first = write(tmp_path / "first.jpg", picture("JPEG"), *OTHERS, *GPS)
    second = write(tmp_path / "second.jpg", picture("JPEG", quality=50), *GPS, *XMP, *IPTC)
    motion = video(tmp_path / "motion.mp4", "-metadata", "location=+39.9042+116.4074/")
    before = first + b"\0" * 9 + second + motion + b"\xff\xff tail Qyzzyville"
    result = scrub(before)
    assert result.broken is None
    assert len(result.data) == len(before)
    assert "trailing data" in result.removed
    for name, start, length in (
        ("first.jpg", 0, len(first)),
        ("second.jpg", len(first) + 9, len(second)),
        ("motion.mp4", len(first) + 9 + len(second), len(motion)),
    ):
        part = tmp_path / f"after-{name}"
        part.write_bytes(result.data[start : start + length])
        assert places(tags(part)) == []
    assert b"Qyzzyville" not in result.data
    in_pieces(before, result.data)


def test_extended_xmp_across_segments(tmp_path: Path) -> None:
    """A property cut in two by a segment border is still one property."""
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/">'
        b"<exif:GPSLatitude>39,54.252N</exif:GPSLatitude><exif:UserComment>kept</exif:UserComment>"
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    digest, middle = b"0123456789ABCDEF" * 2, packet.index(b"GPSLatitude") + 4
    segments = b""
    for start, end in ((0, middle), (middle, len(packet))):
        body = b"http://ns.adobe.com/xmp/extension/\0" + digest + len(packet).to_bytes(4) + start.to_bytes(4)
        body += packet[start:end]
        segments += b"\xff\xe1" + (len(body) + 2).to_bytes(2) + body
    jpeg = picture("JPEG")
    before = jpeg[:2] + segments + jpeg[2:]
    result = scrub(before)
    assert b"39,54" not in result.data
    assert b"<exif:UserComment>kept" in result.data
    assert result.removed == ("XMP exif:GPSLatitude",)
    assert pixels(result.data) == pixels(before)


def test_an_svg_keeps_its_drawing(tmp_path: Path) -> None:
    photo = write(tmp_path / "in.jpg", picture("JPEG"), *GPS)
    before = (
        b'<?xml version="1.0"?><!-- made by hand --><svg xmlns="http://www.w3.org/2000/svg"><metadata>'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description photoshop:City="Qyzzyville"'
        b' dc:title="A title"/></rdf:RDF></metadata><path d="M39.9042 116.4074"/><image href="data:image/jpeg;base64,'
        + base64.b64encode(photo)
        + b'"/></svg>'
    )
    result = scrub(before)
    assert result.removed == ("XMP photoshop:City", "Exif GPS")
    assert b'<path d="M39.9042 116.4074"/>' in result.data
    assert b'dc:title="A title"' in result.data
    assert len(result.data) == len(before)
