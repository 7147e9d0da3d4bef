"""Prosody as an object with settings, in the manner of opensmile-python and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from callprint import _core
from callprint._batch import OnError
from callprint._errors import ArgumentError
from callprint._features import feature_names, features
from callprint._signal import StrPath, is_path

if TYPE_CHECKING:
    import pandas as pd


class FeatureExtractor:
    """Measures prosody, with settings that stay: a way of use that opensmile-python and scikit-learn share.

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

    def process_signal(self, signal: ArrayLike, sampling_rate: int) -> pd.DataFrame:
        """Measure the samples of one channel; a table as from `features`."""
        return features(np.asarray(signal), sr=sampling_rate, level=self.level)

    def process_file(self, file: StrPath) -> pd.DataFrame:
        """Measure a file, all channels."""
        if Path(file).is_dir():
            raise ArgumentError(f"{file} is a folder; process_folder() takes folders")
        return features(file, level=self.level)

    def process_files(self, files: Iterable[StrPath]) -> pd.DataFrame:
        """Measure several files."""
        if is_path(files):
            raise ArgumentError("files is one path; process_file() takes one")
        return self._batch(list(files), None)

    def process_folder(self, folder: StrPath) -> pd.DataFrame:
        """Measure all audio files in a folder and below it."""
        if not Path(folder).is_dir():
            raise ArgumentError(f"{folder} is no folder; process_file() takes files")
        return self._batch([folder], None)

    def fit(self, X: Any = None, y: Any = None) -> FeatureExtractor:  # noqa: N803 - scikit-learn's names
        """Do nothing: there is nothing to learn."""
        return self

    def transform(self, X: Iterable[ArrayLike | StrPath]) -> NDArray[np.float64]:  # noqa: N803
        """Measure several signals or files of one channel each.

        Parameters
        ----------
        X : iterable of array_like of shape (n,), or of paths
            Signals at `sr`, or files.

        Returns
        -------
        ndarray of float64, shape (len(X), number of features)
            A row each, in their order; NaN where a value is not defined.
        """
        if self.level != "functionals":
            raise ArgumentError("transform() gives one row a signal; use level='functionals'")
        recordings = list(X)
        files = all(is_path(recording) for recording in recordings)
        extractor = FeatureExtractor(sr=self.sr, jobs=self.jobs, progress=self.progress)
        table = extractor._batch(recordings, None if files else self.sr)
        if len(table) != len(recordings):
            raise ArgumentError(f"{len(recordings)} recordings have {len(table)} channels; want one channel each")
        values: NDArray[np.float64] = table.to_numpy()
        return values

    def fit_transform(self, X: Iterable[ArrayLike | StrPath], y: Any = None) -> NDArray[np.float64]:  # noqa: N803
        """Do what `transform` does."""
        return self.transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns."""
        names = feature_names() if self.level == "functionals" else _core.feature_table()[0]
        return np.array(names, object)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings, as scikit-learn asks for them."""
        return dict(vars(self))

    def set_params(self, **params: Any) -> FeatureExtractor:
        """Change settings."""
        unknown = params.keys() - vars(self).keys()
        if unknown:
            raise ArgumentError(f"no setting {sorted(unknown)[0]!r}; there are {sorted(vars(self))}")
        vars(self).update(params)
        return self

    def _batch(self, recordings: list[Any], sr: int | None) -> pd.DataFrame:
        return features(
            recordings, sr=sr, level=self.level, on_error=self.on_error, jobs=self.jobs, progress=self.progress
        )
