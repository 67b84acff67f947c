"""What a model file must be before ONNX Runtime sees it: a regular file, and all there is of the model.

ONNX lets the weights of a model lie in other files, which the model names. Such a name can lead
anywhere, so these models are refused; finding it takes a walk over the file's protobuf messages.
"""

from __future__ import annotations

import mmap
from pathlib import Path

from .errors import ModelError

MAX_BYTES = (1 << 31) - 1
"""What the ONNX format allows."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
# Messages of onnx.proto that lead to tensors: field number -> message.
_INNER: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        **{5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
        **{22: "sparse tensor", 23: "sparse tensor"},
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
}


def check_model_file(path: Path) -> None:
    """Raise ModelError for what is certainly no model, or not the whole of one."""
    _check_kind(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            external = _has_external_data(data)
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError as error:
        raise ModelError(
            f"{path}: not an ONNX model ({error}); export or download it again"
        ) from None
    if external:
        raise ModelError(
            f"{path}: keeps its weights in other files; save it as one file (onnx.save with "
            "save_as_external_data=False)"
        )


def _check_kind(path: Path) -> None:
    """Size and beginning: the messages of ONNX Runtime about these are obscure."""
    try:
        if path.is_dir():
            raise ModelError(f"{path}: is a folder; give the .onnx file in it")
        if path.exists() and not path.is_file():
            raise ModelError(f"{path}: is not a regular file; save the model to a file first")
        with path.open("rb") as file:
            head = file.read(512)
        size = path.stat().st_size
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; see `rtstem models list`") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if not head:
        raise ModelError(f"{path}: is empty; export or download the model again")
    if size > MAX_BYTES:
        raise ModelError(f"{path}: is over 2 GiB, which no .onnx file may be; export it again")
    if head.startswith(b"version https://git-lfs"):
        raise ModelError(f"{path}: is a Git LFS pointer, not the model; run `git lfs pull`")
    if all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in head):
        raise ModelError(f"{path}: is a text file, not an ONNX model; give an .onnx file")


def _unreadable(path: Path, error: Exception) -> ModelError:
    reason = getattr(error, "strerror", None) or error
    return ModelError(f"{path}: cannot be read ({reason}); check its permissions")


def _has_external_data(data: mmap.mmap) -> bool:
    """Whether any tensor of the ModelProto in `data` is elsewhere. Raises ValueError for damage."""
    waiting = [("model", 0, len(data))]
    while waiting:
        message, place, end = waiting.pop()
        inner = _INNER.get(message, {})
        while place < end:
            field, wire, start, place = _field(data, place, end)
            if message == "tensor" and field in (_EXTERNAL_DATA, _DATA_LOCATION):
                if wire != _VARINT or data[start] != 0:
                    return True
            elif wire == _BYTES and field in inner:
                waiting.append((inner[field], start, place))
    return False


def _field(data: mmap.mmap, place: int, end: int) -> tuple[int, int, int, int]:
    """Number and wire type of the field at `place`; where its content begins and ends."""
    tag, place = _varint(data, place, end)
    field, wire = tag >> 3, tag & 7
    start = place
    if wire == _VARINT:
        _, place = _varint(data, place, end)
    elif wire == _BYTES:
        size, start = _varint(data, place, end)
        place = start + size
    elif wire in (_FIXED32, _FIXED64):
        place += 4 if wire == _FIXED32 else 8
    else:
        raise ValueError(f"protobuf wire type {wire}")
    if place > end or not 0 < field < 1 << 29:
        raise ValueError("a damaged protobuf message")
    return field, wire, start, place


def _varint(data: mmap.mmap, place: int, end: int) -> tuple[int, int]:
    """The number at `place`, and the place behind it."""
    value = 0
    for index in range(min(_LONGEST_VARINT, end - place)):
        byte = data[place + index]
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, place + index + 1
    raise ValueError("a damaged protobuf number")
