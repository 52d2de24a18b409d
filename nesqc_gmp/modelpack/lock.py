"""Write the manifest of a package folder: from here on, one changed byte is another model."""

from __future__ import annotations

from pathlib import Path

from nesqc_gmp.digest import canonical_json, sha256_hex
from nesqc_gmp.errors import ModelRefusedError
from nesqc_gmp.modelpack.layout import MANIFEST
from nesqc_gmp.modelpack.package import LockedModel, read_folder, verified
from nesqc_gmp.records.models import ModelDescription, ModelManifest, PackagePart


def lock(folder: Path, description: ModelDescription) -> LockedModel:
    """Name every file of the folder by digest in ``manifest.json``; nothing is written where anything is wrong.

    Args:
        folder: Holds every part of ``layout.part_paths`` and nothing else.
        description: What is said of the model.

    Raises:
        ModelRefusedError: A part is missing or not allowed, a file is too much, or the folder is locked already.
    """
    files = read_folder(folder)
    if MANIFEST in files:
        raise ModelRefusedError("the package is locked already", where=MANIFEST, remedy="Lock a new folder.")
    parts = tuple(
        PackagePart(path=path, byte_length=len(data), sha256=sha256_hex(data)) for path, data in sorted(files.items())
    )
    manifest = ModelManifest(**dict(description), parts=parts)
    data = canonical_json(manifest.model_dump(mode="json"))
    model = verified({**files, MANIFEST: data})
    with (folder / MANIFEST).open("xb") as stream:
        stream.write(data)
    return model
