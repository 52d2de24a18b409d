"""The Merkle tree of the log, as pure functions: hashes, roots, inclusion and consistency proofs.

Hashing and tree shape follow RFC 6962 section 2.1, verification follows RFC 9162 sections 2.1.3.2 and 2.1.4.2; both
describe the same tree over SHA-256. All hashes are 32 raw bytes.

A node is named ``(level, index)``: level 0 are the leaf hashes, and node ``(level, index)`` is the root of the perfect
subtree over leaves ``index * 2**level`` up to ``(index + 1) * 2**level - 1``. Only perfect subtrees are stored, since
they never change again; the ragged right edge is folded when it is needed.

**Size 0.** The root of the empty tree is SHA-256 of nothing. Every tree extends the empty tree: a consistency proof
from size 0 is the empty list, and it is accepted when the old root is that empty root (C2SP tlog-witness needs this for
the first checkpoint of a log). Some implementations refuse size 0 since such a proof says nothing about the new root;
a caller who needs more than "not a contradiction" has to ask for an old size above 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from nesqc_gmp.errors import IntegrityError, InvalidInputError

HASH_SIZE = 32
"""Bytes of one hash."""

LEAF_PREFIX = b"\x00"
"""Goes before the entry in a leaf hash, so that no entry can pass for an interior node (RFC 6962 section 2.1)."""

NODE_PREFIX = b"\x01"
"""Goes before the two child hashes in an interior node."""

EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without leaves."""

NodeGetter = Callable[[int, int], bytes]
"""``get(level, index)`` gives the stored hash of one perfect subtree."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one entry: SHA-256(0x00 || data)."""
    return sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of one interior node: SHA-256(0x01 || left || right)."""
    return sha256(NODE_PREFIX + left + right).digest()


class CompactRange:
    """The right edge of a growing tree: as many hashes as the size has one bits, enough to append and give the root.

    Args:
        size: Number of leaves.
        hashes: Roots of the perfect subtrees from the largest to the smallest, as :func:`range_nodes` names them.

    Raises:
        IntegrityError: The hashes cannot belong to a tree of this size.
    """

    __slots__ = ("_hashes", "_size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if size < 0 or len(hashes) != size.bit_count() or any(len(node) != HASH_SIZE for node in hashes):
            raise IntegrityError(
                f"{len(hashes)} subtree hashes do not describe a tree of {size} entries.",
                remedy="Restore the log from a backup.",
            )
        self._size = size
        self._hashes = list(hashes)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees, from the largest to the smallest."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add one leaf hash.

        Args:
            leaf: Result of :func:`leaf_hash`, 32 bytes.

        Returns:
            The interior nodes this leaf completes, as ``(level, index, hash)`` with level 1 first.
        """
        index = self._size
        self._size = index + 1
        hashes = self._hashes
        if not index & 1:
            hashes.append(leaf)
            return []
        completed = []
        level = 0
        node = leaf
        while index & 1:
            # node_hash written out: this loop is the cost of a full verification.
            node = sha256(b"\x01" + hashes.pop() + node).digest()
            index >>= 1
            level += 1
            completed.append((level, index, node))
        hashes.append(node)
        return completed

    def root(self) -> bytes:
        """Root hash of the tree as it is now."""
        return _fold(self._hashes) if self._hashes else EMPTY_ROOT


def range_nodes(size: int) -> list[tuple[int, int]]:
    """Names of the perfect subtrees that make up a tree, from the largest to the smallest.

    Args:
        size: Number of leaves.

    Returns:
        ``(level, index)`` of each; empty for size 0.
    """
    return [(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1]


def inclusion_proof(index: int, size: int, get: NodeGetter) -> list[bytes]:
    """Audit path of one leaf (RFC 6962 section 2.1.1), from the leaf's sibling up to the root's child.

    Args:
        index: Leaf, counted from 0.
        size: Number of leaves of the tree the proof is for.
        get: Gives stored nodes.

    Raises:
        InvalidInputError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise InvalidInputError(
            f"There is no entry {index} in a log of {size} entries.", remedy="Give an index below the size."
        )
    return _siblings(0, index, size, get)


def consistency_proof(old: int, new: int, get: NodeGetter) -> list[bytes]:
    """Proof that the tree of the new size begins with the tree of the old size (RFC 6962 section 2.1.2).

    Args:
        old: Smaller size; from 0, and from a size to itself, the proof is empty.
        new: Larger size.
        get: Gives stored nodes of the new tree.

    Raises:
        InvalidInputError: The old size is negative or above the new one.
    """
    if not 0 <= old <= new:
        raise InvalidInputError(
            f"A log of {new} entries cannot extend one of {old}.", remedy="Give the smaller size first."
        )
    if old in (0, new):
        return []
    # The last perfect subtree of the old tree is where both trees agree; the reader knows it if it is the whole tree.
    level = (old & -old).bit_length() - 1
    index = (old >> level) - 1
    known = [] if index == 0 else [get(level, index)]
    return known + _siblings(level, index, new, get)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf stands at an index of the tree with this root (RFC 9162 section 2.1.3.2).

    Args:
        leaf: Leaf hash.
        index: Leaf, counted from 0.
        size: Number of leaves of the tree.
        proof: Result of :func:`inclusion_proof`.
        root: Root hash, from a verified checkpoint.

    Raises:
        IntegrityError: It does not.
    """
    place = f"entry {index} of {size}"
    if not 0 <= index < size:
        raise _refused("The index lies outside the log.", place)
    _check_lengths([leaf, root, *proof], place)
    first, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise _refused("The inclusion proof is too long.", place)
        if first & 1 or first == last:
            found = node_hash(sibling, found)
            first, last = _skip_missing_siblings(first, last)
        else:
            found = node_hash(found, sibling)
        first, last = first >> 1, last >> 1
    if last != 0:
        raise _refused("The inclusion proof is too short.", place)
    if found != root:
        raise _refused("The entry is not the one the log holds there.", place)


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the new tree only added leaves to the old one (RFC 9162 section 2.1.4.2).

    Args:
        old: Smaller size; 0 is accepted with the empty root and an empty proof (see the module's text).
        new: Larger size.
        old_root: Root hash at the old size.
        new_root: Root hash at the new size.
        proof: Result of :func:`consistency_proof`.

    Raises:
        IntegrityError: It did not, or the proof does not show it.
    """
    place = f"log of {new} entries after {old}"
    if not 0 <= old <= new:
        raise _refused("The log became shorter.", place)
    _check_lengths([old_root, new_root, *proof], place)
    if (old == 0 and old_root != EMPTY_ROOT) or (new == 0 and new_root != EMPTY_ROOT):
        raise _refused("The root of the empty log is wrong.", place)
    if old in (0, new):
        if proof:
            raise _refused("The consistency proof is too long.", place)
        if old == new and old_root != new_root:
            raise _refused("Two logs of the same size have different roots.", place)
        return
    # An old tree that is one perfect subtree is its own first proof element.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    found_old, found_new = _roots_from_consistency(old, new, path, place)
    if found_old != old_root or found_new != new_root:
        raise _refused("Earlier entries of the log were changed.", place)


def _roots_from_consistency(old: int, new: int, path: Sequence[bytes], place: str) -> tuple[bytes, bytes]:
    """Both roots a consistency path leads to; ``0 < old < new``."""
    if not path:
        raise _refused("The consistency proof is too short.", place)
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    found_old = found_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _refused("The consistency proof is too long.", place)
        if first & 1 or first == last:
            found_old = node_hash(sibling, found_old)
            found_new = node_hash(sibling, found_new)
            first, last = _skip_missing_siblings(first, last)
        else:
            found_new = node_hash(found_new, sibling)
        first, last = first >> 1, last >> 1
    if last != 0:
        raise _refused("The consistency proof is too short.", place)
    return found_old, found_new


def _skip_missing_siblings(first: int, last: int) -> tuple[int, int]:
    """Climb the levels at which a node on the ragged right edge has no sibling."""
    while not first & 1 and first:
        first, last = first >> 1, last >> 1
    return first, last


def _siblings(level: int, index: int, size: int, get: NodeGetter) -> list[bytes]:
    """Hashes beside the way from one perfect node up to the root of a tree of ``size`` leaves."""
    proof = []
    last = (size - 1) >> level
    while last:
        sibling = index ^ 1
        if sibling < last:
            proof.append(get(level, sibling))
        elif sibling == last:
            proof.append(_right_edge(level, last, size, get))
        index, last, level = index >> 1, last >> 1, level + 1
    return proof


def _right_edge(level: int, index: int, size: int, get: NodeGetter) -> bytes:
    """Hash of the last node of a level, folded from the perfect subtrees below it."""
    start = index << level
    return _fold([get(low, node + (start >> low)) for low, node in range_nodes(size - start)])


def _fold(hashes: Sequence[bytes]) -> bytes:
    """Root over neighbouring perfect subtrees, given from the largest to the smallest; at least one."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _check_lengths(hashes: Sequence[bytes], place: str) -> None:
    """Refuse anything that is not a SHA-256 value, since hashing joins its inputs without a separator."""
    if any(len(value) != HASH_SIZE for value in hashes):
        raise _refused(f"A hash is not {HASH_SIZE} bytes long.", place)


def _refused(what: str, place: str) -> IntegrityError:
    """The one way a proof fails."""
    return IntegrityError(
        what, where=place, remedy="Do not rely on the log; keep the files and call quality assurance."
    )
