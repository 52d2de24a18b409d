"""Accepted images: every sample equal to what an independent writer was given or an independent reader reads.

Independent means: not the library that decodes the format here. TIFF is written by Pillow or by hand, PNG by
Pillow or by hand (ISO/IEC 15948), JPEG is read by imagecodecs, BMP by hand from its definition.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from nesqc_gmp.digest import sha256_hex
from nesqc_gmp.errors import ImageRejectedError
from nesqc_gmp.imaging.decode import decode

DATA = Path(__file__).parents[3] / "shared" / "data"
GENERATOR = np.random.default_rng(20260314)
SHAPES = ((40, 50), (40, 50, 3))
DEPTHS = (np.uint8, np.uint16)


def noise(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Samples in which every bit is used, both ends of the range among them."""
    samples = GENERATOR.integers(0, np.iinfo(dtype).max, size=shape, dtype=dtype, endpoint=True)
    samples.reshape(-1)[:2] = 0, np.iinfo(dtype).max
    return samples


def pillow(samples: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image = samples if isinstance(samples, Image.Image) else Image.fromarray(samples)
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_by_hand(samples: np.ndarray, *extra: bytes) -> bytes:
    """PNG with filter 0, from the format's definition; 16-bit samples big-endian."""
    height, width = samples.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[samples.shape[2] if samples.ndim == 3 else 1]
    rows = samples.astype(samples.dtype.newbyteorder(">")).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, samples.dtype.itemsize * 8, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def tiff_by_hand(samples: np.ndarray, order: str) -> bytes:
    """Uncompressed TIFF of one strip, from TIFF 6.0, little- (<) or big-endian (>)."""
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    height, width = samples.shape[:2]
    channels = 1 if samples.ndim == 2 else 3
    bits = samples.dtype.itemsize * 8
    pointer = 8 + 2 + 10 * 12 + 4
    tags = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, channels, pointer if channels == 3 else bits),
        (259, 3, 1, 1), (262, 3, 1, 2 if channels == 3 else 1), (273, 4, 1, pointer + 6), (277, 3, 1, channels),
        (278, 3, 1, height), (279, 4, 1, len(data)), (284, 3, 1, 1),
    ]  # fmt: skip
    entries = b""
    for code, kind, count, value in tags:
        packed = struct.pack(order + "HH", value, 0) if kind == 3 and count == 1 else struct.pack(order + "I", value)
        entries += struct.pack(order + "HHI", code, kind, count) + packed
    start = b"II*\0" if order == "<" else b"MM\0*"
    head = start + struct.pack(order + "I", 8) + struct.pack(order + "H", len(tags)) + entries + bytes(4)
    return head + struct.pack(order + "HHH", bits, bits, bits) + data


@pytest.mark.requirement("UR-BATCHES-06", reviewed="a208aba0")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_by_hand_is_exact(shape: tuple[int, ...], dtype: type, order: str) -> None:
    samples = noise(shape, dtype)
    frame = decode(tiff_by_hand(samples, order), name="a.tif")
    assert frame.samples.dtype == dtype
    np.testing.assert_array_equal(frame.samples, samples)
    assert frame.facts.decoder == f"tifffile {tifffile.__version__}"


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits"])
@pytest.mark.parametrize(("shape", "dtype"), [(SHAPES[0], np.uint8), (SHAPES[1], np.uint8), (SHAPES[0], np.uint16)])
def test_tiff_written_by_pillow_is_exact(compression: str, shape: tuple[int, ...], dtype: type) -> None:
    samples = noise(shape, dtype)
    frame = decode(pillow(samples, "TIFF", compression=compression), name="a.tif")
    np.testing.assert_array_equal(frame.samples, samples)


@pytest.mark.parametrize("dtype", DEPTHS)
@pytest.mark.parametrize(
    "options",
    [
        {"bigtiff": True},
        {"ome": True},
        {"imagej": True},
        {"tile": (16, 32), "compression": "zlib", "predictor": True},
        {"rowsperstrip": 7, "compression": "lzw", "predictor": True},
        {"byteorder": ">", "compression": "zlib", "predictor": True},
    ],
)
@pytest.mark.parametrize("shape", SHAPES)
def test_tiff_kinds_keep_every_sample(options: dict[str, object], dtype: type, shape: tuple[int, ...]) -> None:
    if options.get("imagej") and len(shape) == 3 and dtype is np.uint16:
        pytest.skip("ImageJ has no 16-bit RGB")
    samples = noise(shape, dtype)
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, photometric="rgb" if len(shape) == 3 else "minisblack", **options)
    np.testing.assert_array_equal(decode(stream.getvalue(), name="a.tif").samples, samples)


def test_tiff_with_one_plane_for_each_colour() -> None:
    samples = noise((40, 50, 3), np.uint16)
    stream = io.BytesIO()
    planes = np.moveaxis(samples, -1, 0)
    tifffile.imwrite(stream, planes, photometric="rgb", planarconfig="separate", metadata=None)
    np.testing.assert_array_equal(decode(stream.getvalue(), name="a.tif").samples, samples)


@pytest.mark.requirement("UR-BATCHES-06", reviewed="a208aba0")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DEPTHS)
def test_png_by_hand_is_exact(shape: tuple[int, ...], dtype: type) -> None:
    samples = noise(shape, dtype)
    frame = decode(png_by_hand(samples), name="a.png")
    assert frame.samples.dtype == dtype
    np.testing.assert_array_equal(frame.samples, samples)
    assert frame.facts.decoder == f"imagecodecs {imagecodecs.__version__}"


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", DEPTHS)
def test_opaque_alpha_is_dropped_and_no_sample_changes(channels: int, dtype: type) -> None:
    samples = noise((40, 50, channels), dtype)
    samples[..., -1] = np.iinfo(dtype).max
    expected = samples[..., 0] if channels == 2 else samples[..., :3]
    np.testing.assert_array_equal(decode(png_by_hand(samples), name="a.png").samples, expected)
    samples[39, 49, -1] -= 1
    with pytest.raises(ImageRejectedError, match="transparent"):
        decode(png_by_hand(samples), name="a.png")


@pytest.mark.parametrize("colours", [17, 200, 256])
def test_palette_is_expanded_to_the_samples_it_stands_for(colours: int) -> None:
    image = Image.fromarray(noise((40, 50, 3), np.uint8)).quantize(colours)
    frame = decode(pillow(image, "PNG"), name="a.png")
    np.testing.assert_array_equal(frame.samples, np.asarray(image.convert("RGB")))
    assert (frame.facts.channels, frame.facts.bit_depth) == (3, 8)


@pytest.mark.parametrize("extra", [chunk(b"gAMA", struct.pack(">I", 100000)), chunk(b"tEXt", b"Title\0x")])
def test_png_gamma_and_text_change_nothing(extra: bytes) -> None:
    samples = noise((40, 50, 3), np.uint16)
    np.testing.assert_array_equal(decode(png_by_hand(samples, extra), name="a.png").samples, samples)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_equals_another_reader(shape: tuple[int, ...], progressive: bool) -> None:
    data = pillow(noise(shape, np.uint8), "JPEG", quality=90, progressive=progressive)
    np.testing.assert_array_equal(decode(data, name="a.jpg").samples, imagecodecs.jpeg8_decode(data))


@pytest.mark.parametrize("shape", SHAPES)
def test_bmp_rows_stand_upside_down_in_the_file(shape: tuple[int, ...]) -> None:
    samples = noise((40, 52, *shape[2:]), np.uint8)
    data = pillow(samples, "BMP")
    start = struct.unpack_from("<I", data, 10)[0]
    by_hand = np.frombuffer(data[start:], np.uint8).reshape(samples.shape)[::-1]
    by_hand = by_hand[..., ::-1] if samples.ndim == 3 else by_hand
    decoded = decode(data, name="a.bmp").samples
    np.testing.assert_array_equal(decoded, by_hand)
    np.testing.assert_array_equal(decoded, samples)


def test_facts_are_those_of_the_bytes_and_samples() -> None:
    samples = noise((40, 50), np.uint16)
    data = png_by_hand(samples)
    facts = decode(data, name="a.png").facts
    assert (facts.sha256, facts.byte_length) == (sha256_hex(data), len(data))
    assert (facts.width, facts.height, facts.channels, facts.bit_depth) == (50, 40, 1, 16)
    assert facts.pixels_sha256 == sha256_hex(samples.astype("<u2").tobytes())
    assert facts.pixel_size_um is None


def test_samples_cannot_be_written() -> None:
    for channels in (3, 4):
        samples = noise((40, 50, channels), np.uint8)
        samples[..., -1] = 255
        frame = decode(png_by_hand(samples), name="a.png")
        with pytest.raises(ValueError, match="read-only"):
            frame.samples[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}, "0.500000"),
        ({"resolution": (25400, 25400), "resolutionunit": "INCH"}, "1.000000"),
        ({"resolution": (72, 72), "resolutionunit": "INCH"}, None),
        ({"resolution": (300, 300), "resolutionunit": "INCH"}, None),
        ({"resolution": (1200, 1200), "resolutionunit": "INCH"}, None),
        ({"resolution": (20000, 20000), "resolutionunit": "NONE"}, None),
    ],
)
def test_pixel_size_of_tiff_tags(options: dict[str, object], expected: str | None) -> None:
    """By hand: 10000 micrometres in a centimetre, 25400 in an inch; print resolutions are not believed."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, noise((40, 50), np.uint8), metadata=None, **options)
    assert decode(stream.getvalue(), name="a.tif").facts.pixel_size_um == expected


def test_pixels_that_are_not_square_are_refused() -> None:
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, noise((40, 50), np.uint8), metadata=None, resolution=(20000, 21000), resolutionunit="CENTIMETER"
    )
    with pytest.raises(ImageRejectedError, match="not square"):
        decode(stream.getvalue(), name="a.tif")


@pytest.mark.parametrize(
    ("unit", "size", "expected"),
    [("µm", 0.65, "0.650000"), ("nm", 650, "0.650000"), ("mm", 0.00065, "0.650000"), ("pixel", 1, None)],
)
def test_pixel_size_of_ome(unit: str, size: float, expected: str | None) -> None:
    stream = io.BytesIO()
    metadata = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeXUnit": unit} | {
        "PhysicalSizeY": size,
        "PhysicalSizeYUnit": unit,
    }
    tifffile.imwrite(stream, noise((40, 50), np.uint16), ome=True, metadata=metadata)
    assert decode(stream.getvalue(), name="a.ome.tif").facts.pixel_size_um == expected


@pytest.mark.parametrize(("per_metre", "expected"), [(2_000_000, "0.500000"), (2835, None), (0, None)])
def test_pixel_size_of_png(per_metre: int, expected: str | None) -> None:
    """By hand: two million pixels in a metre are 0.5 micrometres each; 2835 are 72 dots per inch."""
    physical = chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))
    assert decode(png_by_hand(noise((40, 50), np.uint8), physical), name="a.png").facts.pixel_size_um == expected


def test_phase_contrast_tiles_equal_another_reader() -> None:
    """Pillow reads 16-bit gray TIFF as it stands; tifffile's own call is compared as well."""
    files = sorted((DATA / "phase16" / "tiles").glob("*.tif"))[:25]
    if not files:
        pytest.skip("the phase-contrast tiles of ../shared/data are not on this machine")
    for file in files:
        data = file.read_bytes()
        frame = decode(data, name=file.name)
        assert frame.facts.bit_depth == 16
        np.testing.assert_array_equal(frame.samples, tifffile.imread(io.BytesIO(data)))
        np.testing.assert_array_equal(frame.samples, np.array(Image.open(io.BytesIO(data))))


def test_brightfield_images_are_exact() -> None:
    folder = DATA / "ldc" / "images"
    files = sorted(folder.glob("*.png"))[::9] + sorted(folder.glob("c (*5).png"))
    if not files:
        pytest.skip("the brightfield images of ../shared/data are not on this machine")
    modes = set()
    for file in files:
        data = file.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference = Image.open(io.BytesIO(data))
        modes.add(reference.mode)
        frame = decode(data, name=file.name)
        expected = np.array(reference.convert("RGB") if reference.mode == "P" else reference)
        np.testing.assert_array_equal(frame.samples, expected[..., :3] if expected.ndim == 3 else expected)
    assert "P" in modes
