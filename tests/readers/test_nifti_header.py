"""The header's own reader against nibabel's, for headers of any content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nibabel.analyze import AnalyzeHeader
from nibabel.nifti1 import Nifti1Header, data_type_codes
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError

from segeval.readers.nifti_header import NiftiHeader

CLASSES = {"NIfTI-1": Nifti1Header, "NIfTI-2": Nifti2Header, "Analyze": AnalyzeHeader}
CODES = (*range(-1, 12), 16, 32, 64, 128, 255, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, 4096)

sizes = st.integers(-2, 600) | st.integers(-(2**15), 2**15 - 1)
numbers = st.floats(width=32)
slopes = st.sampled_from([0.0, 1.0, -1.0, float("nan"), float("inf"), 1 / 3]) | numbers
lengths = st.floats(0, 1000, width=32) | st.sampled_from([-1.0, 0.0, float("nan"), float("inf")])
half_turns = st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, -1), (0.6, 0.8, 0), (np.sqrt(0.5), np.sqrt(0.5), 0)])
quaternions = half_turns | st.tuples(*[st.floats(-0.5625, 0.5625, width=32)] * 3) | st.tuples(*[numbers] * 3)
affines = st.lists(numbers, min_size=12, max_size=12)
fields = st.fixed_dictionaries(
    {
        "dim": st.builds(lambda axes, rest: [axes, *rest], st.integers(1, 7), st.lists(sizes, min_size=7, max_size=7)),
        "datatype": st.sampled_from(CODES),
        "pixdim": st.builds(
            lambda qfac, rest: [qfac, *rest, 0, 0, 0, 0],
            st.sampled_from([-1.0, 1.0]) | numbers,
            st.lists(lengths, min_size=3, max_size=3),
        ),
        "vox_offset": st.integers(0, 2**20),
        "intent_code": st.integers(0, 2000),
        "scl_slope": slopes,
        "scl_inter": slopes,
        "xyzt_units": st.integers(0, 127),
        "glmin": st.integers(-1, 2**31 - 1),
        "qform_code": st.integers(-1, 5),
        "sform_code": st.integers(-1, 5),
        "quatern": quaternions,
        "qoffset": st.tuples(*[numbers] * 3),
        "srow": affines,
    }
)


def theirs(form: str, order: str, content: bytes, stated: dict[str, Any] | None) -> Any:
    """nibabel's header of these bytes, with the fields that are stated put over them."""
    cls = CLASSES[form]
    header = cls(binaryblock=content[: cls.template_dtype.itemsize], endianness=order, check=False)
    for name, value in (stated or {}).items():
        parts = {"quatern": "bcd", "qoffset": "xyz", "srow": "xyz"}.get(name)
        if parts is None and name in list(header):
            header[name] = value
        elif parts is not None and form != "Analyze":
            for part, number in zip(parts, np.reshape(value, (3, -1)).squeeze(), strict=True):
                header[f"{name}_{part}"] = number
    return header


def outcome(function: Callable[[], Any]) -> Any:
    """What it returns, or the words that it refuses with; nibabel warns of signalling NaNs that it converts."""
    try:
        with np.errstate(all="ignore"):
            return function()
    except (ValueError, HeaderDataError) as problem:
        return str(problem)


def assert_same_affine(ours: Any, nibabels: Any) -> None:
    if isinstance(nibabels, str) or isinstance(ours, str):
        assert ours == nibabels
    else:
        assert ours.dtype == np.float64
        np.testing.assert_array_equal(ours, nibabels)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", CLASSES)
@given(content=st.binary(min_size=540, max_size=540), stated=st.none() | fields)
@example(content=bytes(540), stated={"dim": [3, -1, 1, 1, 0, 0, 0, 0], "glmin": 163842})
@example(content=bytes(540), stated={"dim": [4, -1, 1, 1, 5, 0, 0, 0], "glmin": 0})
@example(content=bytes(540), stated={"dim": [4, 27307, 1, 6, 5, 0, 0, 0]})
def test_any_header_is_read_and_refused_as_nibabel_does(
    form: str, order: Any, content: bytes, stated: dict[str, Any] | None
) -> None:
    header = theirs(form, order, content, stated)
    ours = NiftiHeader(header.binaryblock, order, magic=form != "Analyze")
    assert ours.axes == header["dim"][0]
    assert ours.datatype == header["datatype"]
    np.testing.assert_array_equal(ours.pixdim, header["pixdim"])
    np.testing.assert_array_equal(ours.vox_offset, float(header["vox_offset"]))
    if 1 <= ours.axes <= 7:
        assert outcome(ours.shape) == outcome(header.get_data_shape)
    if form == "Analyze":
        assert ours.intent_code == ours.xyzt_units == ours.sform_code == ours.qform_code == 0
        assert ours.slope_and_intercept() is None
        return
    assert ours.magic == header["magic"].item()
    for name in ("intent_code", "xyzt_units", "sform_code", "qform_code"):
        assert getattr(ours, name) == header[name]
    scaling = outcome(header.get_slope_inter)
    assert outcome(ours.slope_and_intercept) == (None if scaling == (None, None) else scaling)
    assert_same_affine(outcome(ours.sform), outcome(header.get_sform))
    header["pixdim"][0] = header["pixdim"][0] or 1  # as nibabel does where it loads a file
    assert_same_affine(outcome(ours.qform), outcome(header.get_qform))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", CLASSES)
def test_a_data_type_code_means_what_it_means_to_nibabel(form: str, order: Any) -> None:
    for code in {*CODES, *data_type_codes.value_set("code")}:
        header = theirs(form, order, bytes(540), {"datatype": code})
        ours = NiftiHeader(header.binaryblock, order, magic=form != "Analyze")
        try:
            expected = header.get_data_dtype()
        except KeyError:
            with pytest.raises(KeyError):
                ours.dtype()
            continue
        if expected.kind == "V":  # RGB, bits, what NumPy has no type for: all of them are refused
            assert (ours.dtype().kind, ours.dtype().itemsize) == ("V", expected.itemsize)
        else:
            assert ours.dtype() == expected


@pytest.mark.parametrize(
    ("quaternion", "qfac", "expected"),
    [
        ((0, 0, 0), 1, [[2, 0, 0], [0, 3, 0], [0, 0, 4]]),
        ((0, 0, 0), -1, [[2, 0, 0], [0, 3, 0], [0, 0, -4]]),
        ((0, 0, 0), 0, [[2, 0, 0], [0, 3, 0], [0, 0, 4]]),  # as nibabel loads it
        ((0, 0, 1), 1, [[-2, 0, 0], [0, -3, 0], [0, 0, 4]]),  # half a turn about z
        ((0.5, 0.5, 0.5), 1, [[0, 0, 4], [2, 0, 0], [0, 3, 0]]),  # x to y to z to x: a third of a turn
    ],
)
def test_a_quaternion_is_the_rotation_that_the_standard_draws(
    quaternion: tuple[float, ...], qfac: float, expected: list[list[float]]
) -> None:
    header = theirs("NIfTI-1", "<", bytes(540), {"quatern": quaternion, "pixdim": [qfac, 2, 3, 4, 0, 0, 0, 0]})
    header["qoffset_x"], header["qoffset_y"], header["qoffset_z"] = 10, 20, 30
    affine = NiftiHeader(header.binaryblock, "<", magic=True).qform()
    np.testing.assert_array_equal(affine[:3, :3], expected)
    np.testing.assert_array_equal(affine[:, 3], [10, 20, 30, 1])
