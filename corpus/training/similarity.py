"""Where two clips of one voice hold (nearly) the same audio: shared greetings and phrases of sibling scripts."""
from __future__ import annotations

import numpy as np

RATE, HOP, WINDOW, BANDS = 8000, 80, 256, 20
RUN = 30          # frames (0.3 s) that must agree in a row
THRESHOLD = 0.85  # mean cosine of log-mel frames over a run


def _bank():
    mel = lambda f: 2595 * np.log10(1 + f / 700)
    edges = 700 * (10 ** (np.linspace(mel(200), mel(3500), BANDS + 2) / 2595) - 1)
    f = np.fft.rfftfreq(WINDOW, 1 / RATE)
    up = (f[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - f[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(up, down))


_BANK = _bank()


def frames(y):
    """(n, BANDS) unit log-mel vectors less each band's mean over the clip, zero where silent; every 10 ms."""
    n = 1 + max(0, len(y) - WINDOW) // HOP
    cut = np.lib.stride_tricks.sliding_window_view(np.pad(y, (0, max(0, WINDOW - len(y)))), WINDOW)[::HOP][:n]
    power = np.abs(np.fft.rfft(cut * np.hanning(WINDOW), axis=1)) ** 2 @ _BANK.T
    loud = power.sum(1) > power.sum(1).max() * 1e-4
    v = np.log(power + power.max() * 1e-7)
    v -= v[loud].mean(0)
    v /= np.linalg.norm(v, axis=1, keepdims=True) + 1e-9
    return (v * loud[:, None]).astype(np.float32)


def shared_frames(a, b):
    """Mask of the frames of `a` that lie in a run of RUN frames which `b` repeats at some time shift."""
    s, mask = a @ b.T, np.zeros(len(a), bool)
    for lag in range(-(len(a) - RUN), len(b) - RUN + 1):
        d = np.diagonal(s, lag)
        total = np.concatenate([[0.0], np.cumsum(d)])
        good = np.flatnonzero(total[RUN:] - total[:-RUN] >= THRESHOLD * RUN)
        for start in good + max(0, -lag):
            mask[start:start + RUN] = True
    return mask


class SharedSpeech:
    """Seconds of a stretch of a clip that another indexed script of its family and voice repeats."""

    def __init__(self, indexed, read):
        self._read, self._masks, self._frames = read, {}, {}
        self._rivals = {}
        for row in indexed:
            self._rivals.setdefault((row["family"], row["voice"]), []).append(row)

    def _of(self, path):
        if path not in self._frames:
            self._frames[path] = frames(self._read(path))
        return self._frames[path]

    def _mask(self, row):
        if row["path"] not in self._masks:
            rivals = [r for r in self._rivals.get((row["family"], row["voice"]), []) if r["text_id"] != row["text_id"] and row["family"]]
            mask = np.zeros(len(self._of(row["path"])), bool)
            for r in rivals:
                mask |= shared_frames(self._of(row["path"]), self._of(r["path"]))
            self._masks[row["path"]] = mask
        return self._masks[row["path"]]

    def seconds(self, row, start, length):
        a = int(start * RATE / HOP)
        return float(self._mask(row)[a:a + int(length * RATE / HOP)].sum() * HOP / RATE)
