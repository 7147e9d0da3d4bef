"""Prosody as an object with settings, in the manner of opensmile-python and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint import _core
from callprint._batch import OnError, is_batch
from callprint._errors import ArgumentError
from callprint._features import feature_names, features
from callprint._signal import StrPath, as_signal, is_path

if TYPE_CHECKING:
    import pandas as pd


class FeatureExtractor:
    """Measures prosody, with settings that stay: a way of use that opensmile-python and scikit-learn share.

    It goes into a pipeline of scikit-learn as it is, also with ``set_output(transform="pandas")``.

    Parameters
    ----------
    level : {'functionals', 'lld'}, optional
        One row for a channel, or a row each 10 ms.
    sr : int, optional
        Sample rate of the signals that `transform` is given, Hz; not needed for files.
    on_error : {'raise', 'warn', 'ignore'}, optional
        What to do about a file of several that can't be read.
    jobs : int, optional
        Files to analyse at the same time.
    progress : bool, optional
        Whether to show a bar that counts files (needs tqdm).

    Examples
    --------
    >>> import numpy as np
    >>> extractor = FeatureExtractor(sr=8000)
    >>> extractor.transform([np.zeros(8000, np.float32)]).shape == (1, len(extractor.get_feature_names_out()))
    True
    """

    def __init__(
        self,
        level: Literal["functionals", "lld"] = "functionals",
        *,
        sr: int | None = None,
        on_error: OnError = "raise",
        jobs: int | None = None,
        progress: bool = False,
    ) -> None:
        self.level = level
        self.sr = sr
        self.on_error = on_error
        self.jobs = jobs
        self.progress = progress
        # What scikit-learn calls it, whose `clone` copies it.
        self._sklearn_output_config: dict[str, str] = {}

    def process_signal(self, signal: ArrayLike, sampling_rate: int) -> pd.DataFrame:
        """Measure the samples of one channel; a table as from `features`."""
        if is_path(signal):
            raise ArgumentError("signal is a path; process_file() takes one")
        return features(as_signal(signal), sr=sampling_rate, level=self.level)

    def process_file(self, file: StrPath) -> pd.DataFrame:
        """Measure a file, all channels."""
        if not is_path(file):
            raise ArgumentError(f"file is {type(file).__name__}; want a path: process_files() takes several")
        if Path(file).is_dir():
            raise ArgumentError(f"{file} is a folder; process_folder() takes folders")
        return features(file, level=self.level)

    def process_files(self, files: Iterable[StrPath]) -> pd.DataFrame:
        """Measure several files."""
        if is_path(files):
            raise ArgumentError("files is one path; process_file() takes one")
        if not is_batch(files, "files"):
            raise ArgumentError(f"files is {type(files).__name__}; want paths: process_signal() takes samples")
        return self._batch(list(files), None)

    def process_folder(self, folder: StrPath) -> pd.DataFrame:
        """Measure all audio files in a folder and below it."""
        if not is_path(folder):
            raise ArgumentError(f"folder is {type(folder).__name__}; want a path")
        if not Path(folder).is_dir():
            raise ArgumentError(f"{folder} is no folder; process_file() takes files")
        return self._batch([folder], None)

    def fit(self, X: Any = None, y: Any = None) -> FeatureExtractor:  # noqa: N803 - scikit-learn's names
        """Do nothing: there is nothing to learn."""
        return self

    def transform(self, X: Iterable[ArrayLike | StrPath]) -> Any:  # noqa: N803
        """Measure several signals or files of one channel each.

        Parameters
        ----------
        X : iterable of array_like of shape (n,), or of paths
            Signals at `sr`, or files.

        Returns
        -------
        ndarray of float64, shape (len(X), number of features)
            A row each, in their order; NaN where a value is not defined. After ``set_output(transform="pandas")`` a
            DataFrame with these rows and columns of these names.

        Raises
        ------
        ArgumentError
            If `X` is one recording rather than several, or holds a folder or a file of several channels.
        AudioError, FileError
            If a file can't be read.
        """
        if self.level != "functionals":
            raise ArgumentError("transform() gives one row a signal; use level='functionals'")
        recordings = _recordings(X)
        files = all(is_path(recording) for recording in recordings)
        extractor = FeatureExtractor(sr=self.sr, jobs=self.jobs, progress=self.progress)
        table = extractor._batch(recordings, None if files else self.sr)
        if len(table) != len(recordings):
            raise ArgumentError(f"{len(recordings)} recordings have {len(table)} channels; want one channel each")
        if self._sklearn_output_config.get("transform") == "pandas":
            return table.reset_index(drop=True)
        return table.to_numpy()

    def fit_transform(self, X: Iterable[ArrayLike | StrPath], y: Any = None) -> Any:  # noqa: N803
        """Do what `transform` does."""
        return self.transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns."""
        names = feature_names() if self.level == "functionals" else _core.feature_table()[0]
        return np.array(names, object)

    def set_output(self, *, transform: Literal["default", "pandas"] | None = None) -> FeatureExtractor:
        """Choose what `transform` returns, an array or a DataFrame; None leaves it as it is."""
        if transform not in (None, "default", "pandas"):
            raise ArgumentError(f"transform is {transform!r}; want 'default' or 'pandas'")
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings, as scikit-learn asks for them."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def set_params(self, **params: Any) -> FeatureExtractor:
        """Change settings."""
        known = self.get_params()
        unknown = params.keys() - known.keys()
        if unknown:
            raise ArgumentError(f"no setting {sorted(unknown)[0]!r}; there are {sorted(known)}")
        vars(self).update(params)
        return self

    def __repr__(self) -> str:
        usual = signature(FeatureExtractor).parameters
        changed = (f"{name}={value!r}" for name, value in self.get_params().items() if value != usual[name].default)
        return f"FeatureExtractor({', '.join(changed)})"

    def _batch(self, recordings: list[Any], sr: int | None) -> pd.DataFrame:
        return features(
            recordings, sr=sr, level=self.level, on_error=self.on_error, jobs=self.jobs, progress=self.progress
        )


def _recordings(X: Any) -> list[Any]:  # noqa: N803
    """List what `transform` is given, a row of its result each."""
    if is_path(X):
        raise ArgumentError("X is one path; want a list of recordings, as in [X]")
    # Rows of an array are signals.
    if not (is_batch(X, "X") or getattr(X, "ndim", 1) > 1):
        raise ArgumentError(f"X is {type(X).__name__} of samples; want a list of recordings, as in [X]")
    recordings = list(X)
    for recording in recordings:
        if is_batch(recording):
            what = f"a folder, {recording}" if is_path(recording) else f"a {type(recording).__name__} of recordings"
            raise ArgumentError(f"X holds {what}; want a row each: list the files, or use process_folder()")
    return recordings
