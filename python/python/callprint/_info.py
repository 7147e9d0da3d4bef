"""What this build is."""

from __future__ import annotations

from callprint import _core
from callprint._index import Index


def build_info() -> dict[str, str | int]:
    """Say what this build is, for a report of a problem or a table of results.

    Returns
    -------
    dict
        ``version`` of callprint, ``index_format``, ``fingerprint`` (the hash of its configuration: indexes with
        another can't be used), ``feature_set``, and ``simd``: the widest vector instructions of this machine that
        callprint has code for (``baseline``, ``avx2``, ``avx512``). They change the speed, not the results.
    """
    return {
        "version": _core.__version__,
        "index_format": Index.builtin().stats()["format_version"],
        "fingerprint": _core.FINGERPRINT,
        "feature_set": _core.FEATURE_SET,
        "simd": _core.SIMD,
    }
