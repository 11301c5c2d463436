"""Names for what a file is when it is not what its name says."""

from __future__ import annotations

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer, not the volume; fetch it with `git lfs pull`"),
    (b"/annex/objects", "a git-annex pointer, not the volume; fetch it with `git annex get`"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture; give it the ending .png or export the volume"),
    (b"II*\0", "a TIFF; give it the ending .tif"),
    (b"MM\0*", "a TIFF; give it the ending .tif"),
    (b"\xff\xd8\xff", "a JPEG picture, whose compression changes labels; export them as PNG"),
    (b"GIF8", "a GIF picture; export the volume"),
    (b"%PDF", "a PDF document; export the volume"),
    (b"PK\x03\x04", "a ZIP archive; unpack it, or give nnU-Net's probabilities the ending .npz"),
    (b"BZh", "bzip2-compressed; decompress it with bunzip2, or compress it with gzip"),
    (b"\xfd7zXZ\0", "xz-compressed; decompress it with unxz, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard-compressed; decompress it with unzstd, or compress it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file; export the volume as NIfTI"),
    (b"\x93NUMPY", "a NumPy array; give it the ending .npy"),
    (b"NRRD000", "an NRRD volume; give it the ending .nrrd"),
    (b"ObjectType", "a MetaImage volume; give it the ending .mha or .mhd"),
    (b"\x1f\x8b", "gzip data inside gzip data; decompress it once"),
)
_HTML = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<!--")


def recognise(start: bytes) -> str | None:
    """What a file that starts with these bytes is, and what to do about it; None for the unknown."""
    for signature, words in _SIGNATURES:
        if start.startswith(signature):
            return words
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_HTML):
        return "a web page (HTML or XML), not the volume; the download failed, so download it again"
    if start[128:132] == b"DICM":
        return "a DICOM file; give a segmentation (SEG, RTSTRUCT) the ending .dcm, or convert it to NIfTI"
    if start and not start.strip(b"\0"):
        return "all zeros at its start, as interrupted copies are; copy it again"
    return None


def is_pointer_or_page(start: bytes) -> str | None:
    """The words for files that stand in for another: LFS and annex pointers, web pages."""
    words = recognise(start)
    return words if words is not None and ("pointer" in words or "web page" in words) else None
