"""Refused files: each for its own reason, named in one sentence, before anything large is allocated."""

from __future__ import annotations

import io
import resource
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging.decode import decode
from nesqc_gmp.imaging.frame import Frame

GRAY = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50)
BYTES = (GRAY % 251).astype(np.uint8)


def tiff(samples: np.ndarray = GRAY, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **{"metadata": None, **options})
    return stream.getvalue()


def pillow(samples: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    image = samples if isinstance(samples, Image.Image) else Image.fromarray(samples)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    return png[:33] + chunk(kind, body) + png[33:]


def two_pages() -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(GRAY, metadata=None)
        writer.write(GRAY, metadata=None)
    return stream.getvalue()


def with_sub_image() -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(GRAY, subifds=1, metadata=None)
        writer.write(GRAY[::2, ::2], subfiletype=1, metadata=None)
    return stream.getvalue()


def rotated(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def set_tag(data: bytes, code: int, value: int) -> bytes:
    """A little-endian classic TIFF with one short or long tag of its first page overwritten."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        tag = file.pages.first.tags[code]
        kind = {3: "<H", 4: "<I"}[int(tag.dtype)]
        place = tag.valueoffset
    return data[:place] + struct.pack(kind, value) + data[place + struct.calcsize(kind) :]


def ome(**changes: str) -> bytes:
    data = tiff(GRAY, ome=True, metadata={"axes": "YX"})
    for old, new in changes.values():  # type: ignore[misc]
        assert old.encode() in data
        assert len(new) <= len(old)
        data = data.replace(old.encode(), new.ljust(len(old)).encode(), 1)
    return data


def palette_by_hand(palette: bytes) -> bytes:
    """Numbers 0 to 250 as a PNG of colour type 3 with any bytes for a palette."""
    header = struct.pack(">IIBBBBB", BYTES.shape[1], BYTES.shape[0], 8, 3, 0, 0, 0)
    raw = zlib.compress(b"".join(b"\0" + row.tobytes() for row in BYTES))
    plte = chunk(b"PLTE", palette) if palette else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + plte + chunk(b"IDAT", raw) + chunk(b"IEND", b"")


RGBA = np.dstack([BYTES] * 4)
PALETTE = Image.fromarray(BYTES).convert("P", palette=Image.Palette.ADAPTIVE)

CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "text": (lambda: b"hello world, this is no image", "not a TIFF, PNG, JPEG or BMP"),
    "gif": (lambda: pillow(BYTES, "GIF"), "not a TIFF, PNG, JPEG or BMP"),
    "webp": (lambda: pillow(BYTES, "WEBP"), "not a TIFF, PNG, JPEG or BMP"),
    "tiff two pages": (two_pages, "more than one image"),
    "tiff sub-image": (with_sub_image, "more than one image"),
    "tiff ImageJ stack": (lambda: tiff(np.stack([GRAY] * 3), imagej=True, metadata={}), "stack|more than one"),
    "tiff shaped stack": (lambda: tiff(np.stack([GRAY] * 5), metadata={}), "stack|more than one"),
    "tiff truncated stack": (lambda: tiff(np.stack([GRAY] * 5), truncate=True, metadata={}), "stack|more than one"),
    "tiff MinIsWhite": (lambda: tiff(photometric="miniswhite"), "MINISWHITE"),
    "tiff palette": (lambda: pillow(PALETTE, "TIFF"), "PALETTE"),
    "tiff CMYK": (lambda: tiff(RGBA, photometric="separated"), "SEPARATED"),
    "tiff alpha": (lambda: tiff(RGBA, photometric="rgb", extrasamples=["unassalpha"]), "4 samples per pixel"),
    "tiff gray alpha": (lambda: tiff(RGBA[..., :2], photometric="minisblack", planarconfig="contig"), "2 samples"),
    "tiff float": (lambda: tiff(GRAY.astype(np.float32)), "32 bits of format 3"),
    "tiff signed": (lambda: tiff(GRAY.astype(np.int16)), "16 bits of format 2"),
    "tiff 32 bits": (lambda: tiff(GRAY.astype(np.uint32)), "32 bits"),
    "tiff 12 bits": (lambda: set_tag(tiff(), 258, 12), "12 bits"),
    "tiff 1 bit": (lambda: pillow(Image.fromarray(BYTES).convert("1"), "TIFF"), "1 bits"),
    "tiff JPEG inside": (lambda: pillow(BYTES, "TIFF", compression="jpeg"), "JPEG is not accepted"),
    "tiff zstd inside": (lambda: tiff(compression="zstd"), "ZSTD is not accepted"),
    "tiff rotated": (lambda: pillow(BYTES, "TIFF", tiffinfo={274: 6}), "orientation 6"),
    "tiff cut": (lambda: tiff()[:-200], "missing from the file"),
    "tiff no strip length": (lambda: set_tag(tiff(compression="zlib"), 279, 0), "."),
    "tiff more rows than data": (lambda: set_tag(tiff(), 257, 400), "missing|fewer|damaged"),
    "tiff enormous": (lambda: set_tag(set_tag(tiff(), 256, 65000), 257, 65000), "limits are 16384"),
    "tiff long and thin": (lambda: set_tag(tiff(), 257, 17000), "limits are 16384"),
    "tiff small": (lambda: tiff(GRAY[:31]), "smaller than 32"),
    "ome two images": (lambda: ome(a=("SizeZ=\"1\"", "SizeZ=\"2\"")), "more than one plane"),
    "ome other size": (lambda: ome(a=("SizeX=\"50\"", "SizeX=\"51\"")), "another size"),
    "ome not xml": (lambda: ome(a=("<Pixels", "<Pixel<")), "not well-formed"),
    "png transparent palette": (lambda: pillow(PALETTE, "PNG", transparency=0), "marks a colour as transparent"),
    "png no palette": (lambda: palette_by_hand(b""), "not one whole palette"),
    "png half a palette entry": (lambda: palette_by_hand(bytes(256 * 3 - 1)), "not one whole palette"),
    "png beyond the palette": (lambda: palette_by_hand(bytes(3 * 7)), "of a palette of 7"),
    "png palette of 4 bits": (lambda: pillow(PALETTE, "PNG", bits=4), "4 bits per sample"),
    "png transparent": (lambda: pillow(RGBA, "PNG"), "transparent pixels"),
    "png colour key": (lambda: with_chunk(pillow(BYTES, "PNG"), b"tRNS", b"\0\0"), "marks a colour as transparent"),
    "png animation": (lambda: with_chunk(pillow(BYTES, "PNG"), b"acTL", struct.pack(">II", 2, 0)), "animation"),
    "png 1 bit": (lambda: pillow(Image.fromarray(BYTES).convert("1"), "PNG"), "1 bits per sample"),
    "png rotated": (lambda: pillow(BYTES, "PNG", exif=rotated(3)), "orientation 3"),
    "png cut": (lambda: pillow(BYTES, "PNG")[:-20], "cut short"),
    "png tail": (lambda: pillow(BYTES, "PNG") + b"PK\3\4", "4 bytes follow"),
    "jpeg CMYK": (lambda: pillow(Image.fromarray(BYTES).convert("CMYK"), "JPEG"), "4 colour components"),
    "jpeg rotated": (lambda: pillow(BYTES, "JPEG", exif=rotated(8)), "orientation 8"),
    "jpeg cut": (lambda: pillow(BYTES, "JPEG")[:-40], "cut short"),
    "jpeg tail": (lambda: pillow(BYTES, "JPEG") + b"PK\3\4", "4 bytes follow"),
    "bmp palette": (lambda: pillow(PALETTE, "BMP"), "palette"),
    "bmp 1 bit": (lambda: pillow(Image.fromarray(BYTES).convert("1"), "BMP"), "kind of BMP"),
    "bmp alpha": (lambda: pillow(RGBA, "BMP"), "kind of BMP"),
    "bmp cut": (lambda: pillow(BYTES, "BMP")[:-1], "cut short"),
}  # fmt: skip


@pytest.mark.requirement("UR-BATCHES-06", reviewed="a208aba0", negative=True)
@pytest.mark.parametrize("case", CASES)
def test_refusal_names_file_and_reason(case: str) -> None:
    make, reason = CASES[case]
    with pytest.raises(ImageRejectedError, match=reason) as refusal:
        decode(make(), name="field-7")
    assert refusal.value.where == "field-7"
    assert refusal.value.remedy
    assert refusal.value.what.endswith(".")
    assert refusal.value.what.isprintable()


@pytest.mark.parametrize(
    "declaration", ["<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>]>", "<!DOCTYPE x SYSTEM 'file:///etc/passwd'>"]
)
def test_entities_of_ome_are_never_expanded(declaration: str) -> None:
    bomb = f'<?xml version="1.0"?>{declaration}<OME><Image><Pixels SizeX="50"/></Image></OME>'
    with pytest.raises(ImageRejectedError, match="declare entities"):
        decode(tiff(description=bomb), name="a.tif")


def test_ome_of_several_files_is_refused_and_no_other_file_is_opened(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second plane lies in a file that would give itself away when opened."""
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels DimensionOrder="XYZCT" Type="uint16" SizeX="50" SizeY="40" SizeZ="2" SizeC="1" SizeT="1">'
        '<TiffData><UUID FileName="other.ome.tif">urn:uuid:1</UUID></TiffData></Pixels></Image></OME>'
    )

    def opened(*arguments: object, **_: object) -> None:
        raise AssertionError(f"opened {arguments}")

    data = tiff(description=text)
    monkeypatch.setattr("builtins.open", opened)
    with pytest.raises(ImageRejectedError, match="more than one plane"):
        decode(data, name="a.ome.tif")


def png_bomb(width: int, height: int, depth: int = 8) -> bytes:
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def tiff_bomb(tile: int) -> bytes:
    """A page of 64 x 64 pixels in one tile that says it is far larger."""
    data = tiff(np.zeros((64, 64), np.uint8), tile=(64, 64), compression="zlib")
    return set_tag(set_tag(data, 322, tile), 323, tile)


@pytest.mark.parametrize(
    "make",
    [
        lambda: png_bomb(30000, 30000),
        lambda: png_bomb(16384, 16384),
        lambda: png_bomb(0, 100),
        lambda: png_bomb(100, 100),
        lambda: png_bomb(2**31 - 1, 2**31 - 1, 16),
        lambda: tiff_bomb(65520),
        lambda: tiff_bomb(48),
        lambda: tiff_bomb(0),
    ],
)
def test_bombs_are_refused_at_once_and_without_memory(make: Callable[[], bytes]) -> None:
    data = make()
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    with pytest.raises(ImageRejectedError):
        decode(data, name="bomb")
    assert time.perf_counter() - start < 2.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_many_scans_of_a_progressive_jpeg_are_refused() -> None:
    data = pillow(BYTES, "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    with pytest.raises(ImageRejectedError, match="scans"):
        decode(data[:scan] + data[scan:-2] * 100 + b"\xff\xd9", name="a.jpg")


def test_warning_of_a_decoder_is_a_reason_to_refuse() -> None:
    """A resolution that is no fraction: tifffile only logs what it thinks of such files."""
    data = tiff(description="x" * 10, resolution=(72, 72))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        place = file.pages.first.tags[282].offset
    broken = data[:place] + struct.pack("<HHI", 282, 99, 1) + data[place + 8 :]
    with pytest.raises(ImageRejectedError):
        decode(broken, name="a.tif")


SEEDS = (
    tiff(compression="zlib", predictor=True),
    tiff(compression="lzw"),
    tiff(tile=(16, 16), compression="packbits"),
    tiff(ome=True, metadata={"axes": "YX"}),
    tiff(imagej=True, metadata={}),
    tiff(bigtiff=True, byteorder=">"),
    pillow(np.dstack([BYTES] * 3), "PNG"),
    pillow(BYTES, "JPEG"),
    pillow(np.dstack([BYTES] * 3), "JPEG", progressive=True),
    pillow(BYTES, "BMP"),
)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_damage_ends_in_a_frame_or_a_refusal(data: st.DataObject) -> None:
    """Ten seeds, each with its own flips and its own cut, in every example: 500 damaged files."""
    for seed in SEEDS:
        file = bytearray(seed)
        # The directory and headers are short; half of the flips go to the first 400 bytes.
        near = st.integers(0, 8 * min(400, len(file)) - 1)
        anywhere = st.integers(0, 8 * len(file) - 1)
        for bit in data.draw(st.lists(near | anywhere, min_size=1, max_size=4)):
            file[bit // 8] ^= 1 << bit % 8
        cut = data.draw(st.none() | st.integers(0, len(file)))
        try:
            result: object = decode(bytes(file[:cut]), name="fuzz")
        except ImageRejectedError as refusal:
            result = refusal
        assert isinstance(result, Frame | ImageRejectedError)


@pytest.mark.requirement("UR-BATCHES-06", reviewed="a208aba0", negative=True)
@pytest.mark.parametrize("flips", range(0, 400, 23))
def test_one_flipped_bit_in_png_or_deflate_never_gives_other_samples(flips: int) -> None:
    """CRC-32 and Adler-32 find every single flipped bit of the sample data."""
    for seed in (pillow(GRAY, "PNG"), tiff(compression="zlib")):
        intact = decode(seed, name="a").samples
        place = len(seed) // 2 + flips % (len(seed) // 3)
        damaged = seed[:place] + bytes([seed[place] ^ 16]) + seed[place + 1 :]
        try:
            samples = decode(damaged, name="a").samples
        except ImageRejectedError:
            continue
        np.testing.assert_array_equal(samples, intact)
