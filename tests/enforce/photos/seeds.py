"""Small files of every format that is walked, each with places, made without other programs."""

from __future__ import annotations

import base64
import io
import zlib
from functools import cache

import pillow_heif
from PIL import Image, PngImagePlugin
from PIL.ExifTags import IFD

pillow_heif.register_heif_opener()

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" photoshop:City="Qyzzyville">'
    b"<exif:GPSLatitude>39,54.252N</exif:GPSLatitude><dc:title>A title</dc:title>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
IIM = b"".join(bytes((0x1C, 2, number)) + len(text).to_bytes(2) + text for number, text in
               ((90, b"Qyzzyville"), (25, b"tree"), (101, b"Qyzzyland")))  # fmt: skip
PHOTOSHOP = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + len(IIM).to_bytes(4) + IIM + b"\0" * (len(IIM) % 2)


def exif() -> bytes:
    block = Image.Exif()
    block[0x0112], block[0x013B] = 6, "A. Painter"
    block.get_ifd(IFD.GPSInfo).update({1: "N", 2: (39.0, 54.0, 15.12), 3: "E", 4: (116.0, 24.0, 26.64)})
    return block.tobytes()


def picture(kind: str, **options: object) -> bytes:
    image = Image.linear_gradient("L").resize((48, 32)).convert("P" if kind == "GIF" else "RGB")
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload


def jpeg() -> bytes:
    inner = picture("JPEG", exif=exif())
    extended = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + len(XMP).to_bytes(4) + bytes(4) + XMP
    segments = (
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP) + segment(0xE1, extended) + segment(0xED, PHOTOSHOP)
    )
    return inner[:2] + segments + inner[2:] + inner + video() + b"trailing Qyzzyville"


def png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Location", "Qyzzyville")
    texts.add_text("Title", "A title")
    texts.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
    texts.add_text("Raw profile type iptc", f"\niptc\n{len(IIM):8}\n{IIM.hex()}\n", zip=True)
    return picture("PNG", pnginfo=texts, exif=exif())


def gif() -> bytes:
    plain = picture("GIF")
    extension = b"\x21\xff\x0bXMP DataXMP" + XMP + bytes([1, *range(255, -1, -1), 0])
    after_table = 13 + (3 << (plain[10] & 7) + 1)
    return plain[:after_table] + extension + plain[after_table:]


def svg() -> bytes:
    photo = base64.b64encode(picture("JPEG", exif=exif()))
    return b'<svg xmlns="http://www.w3.org/2000/svg"><metadata>' + XMP + b'</metadata><image href="data:image/jpeg;base64,' + photo + b'"/></svg>'  # noqa: E501 # fmt: skip


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return (len(body) + 8).to_bytes(4) + kind + body


def video() -> bytes:
    key = b"com.apple.quicktime.location.ISO6709"
    keys = box(b"keys", bytes(4), (1).to_bytes(4), (len(key) + 8).to_bytes(4) + b"mdta" + key)
    value = box(b"data", (1).to_bytes(4), bytes(4), b"+39.9042+116.4074/")
    meta = box(b"meta", box(b"hdlr", bytes(8), b"mdta", bytes(13)), keys, box(b"ilst", box((1).to_bytes(4), value)))
    place = box(b"\xa9xyz", b"\0\x12\x15\xc7+39.9042+116.4074/")
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stsd", bytes(12), b"gpmd", bytes(8))))))
    moov = box(b"moov", box(b"mvhd", bytes(100)), track, box(b"udta", place, box(b"XMP_", XMP)), meta)
    uuid = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), XMP)
    return box(b"ftyp", b"isom", bytes(4), b"isomavc1") + box(b"mdat", bytes(64)) + moov + uuid


@cache
def seeds() -> dict[str, bytes]:
    return {
        "jpeg": jpeg(),
        "png": png(),
        "webp": picture("WEBP", exif=exif(), xmp=XMP),
        "tiff": picture("TIFF", exif=exif(), tiffinfo={700: XMP, 33723: IIM}),
        "gif": gif(),
        "svg": svg(),
        "heic": picture("HEIF", exif=exif(), xmp=XMP),
        "avif": picture("AVIF", exif=exif(), xmp=XMP),
        "video": video(),
    }


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)
