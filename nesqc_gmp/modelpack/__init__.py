"""Locked model packages: every file by digest, one manifest that names them all, one digest that names the manifest.

``lock`` writes the manifest of a folder; ``open_package`` gives a ``LockedModel`` or refuses. Who holds a
``LockedModel`` holds verified bytes: each file was read once, hashed and kept, and nothing is read again::

    package   LockedModel, open_package, open_package_bytes
    lock      write the manifest of a folder
    layout    which files a package has
    graph     what an ONNX file may contain, read without onnx or protobuf
"""
