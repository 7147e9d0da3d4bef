"""Box filters over a patch of bands, chosen by pairwise boosting.

After Ke, Hoiem & Sukthankar, "Computer vision for music identification" (CVPR 2005): a filter is a difference of
sums over boxes of the patch, a bit its sign; round by round the filter is taken that best tells pairs of the same
audio (they should have the same bit) from pairs of other audio. With `matching_only` the weights of pairs of the same
audio alone change, as there; otherwise all weights do, so that a filter which repeats an earlier one gains nothing
(compare Jang, Yoo, Lee, Kim & Kalker, "Pairwise boosted audio fingerprint", IEEE TIFS 4(4), 2009). Thresholds are
medians, so all bits are balanced.
"""
from __future__ import annotations

import numpy as np

HEIGHTS, WIDTHS = (2, 4, 6, 8, 12, 16, 24), (4, 8, 12, 20, 28, 40)
# Signs over a box cut into rows (bands) and columns (frames).
SHAPES = ([[1, -1]], [[1], [-1]], [[1, -1], [-1, 1]], [[-1, 2, -1]], [[-1], [2], [-1]])


def candidates(bands, frames):
    """(bands * frames, filters) float32, each filter of unit norm."""
    out = []
    for shape in map(np.array, SHAPES):
        rows, columns = shape.shape
        for high in (h for h in HEIGHTS if h <= bands and h % rows == 0):
            for wide in (w for w in WIDTHS if w <= frames and w >= columns):
                cut = np.linspace(0, wide, columns + 1).round().astype(int)
                box = np.repeat(np.repeat(shape, high // rows, 0), np.diff(cut), 1).astype(np.float32)
                box -= (box.sum() / box.size) if columns == 3 else 0        # uneven thirds
                box /= np.linalg.norm(box)
                for b in range(0, bands - high + 1, 2):
                    for t in range(0, frames - wide + 1, 4):
                        filter_ = np.zeros((bands, frames), np.float32)
                        filter_[b:b + high, t:t + wide] = box
                        out.append(filter_.ravel())
    return np.array(out).T


def boost(clean, noisy, voice, filters, bits, seed, matching_only, count=4000):
    """Columns of `filters` for `bits` bits, in order. clean (n, F), noisy (n, F): patches of the same audio; voice (n,)."""
    rng = np.random.default_rng([seed, 9])
    count = min(count, len(clean))
    same = rng.permutation(len(clean))[:count]
    # half of the pairs of other audio are by one voice
    other = rng.permutation(len(clean))[:count]
    for i in range(0, count, 2):
        mates = np.flatnonzero(voice == voice[same[i]])
        other[i] = mates[rng.integers(len(mates))]
    threshold = np.median(clean[same] @ filters, 0)
    a, b, c = (x @ filters > threshold for x in (clean[same], noisy[same], noisy[other]))
    hit, false = (a == b).astype(np.float32), (a == c).astype(np.float32)
    right, wrong = np.full(count, .5 / count, np.float32), np.full(count, .5 / count, np.float32)
    free, chosen = np.ones(filters.shape[1], bool), []
    for _ in range(bits):
        error = (0.5 - right @ hit) + wrong @ false
        best = int(np.argmin(np.where(free, error, np.inf)))
        free[best] = False
        chosen.append(best)
        # AdaBoost's factor for what this filter gets wrong
        missed = 2 * float(right @ (1 - hit[:, best])) if matching_only else float(error[best])
        factor = (1 - missed) / max(missed, 1e-3)
        right *= np.where(hit[:, best] > 0, 1, factor)
        right *= .5 / right.sum()
        if not matching_only:
            wrong *= np.where(false[:, best] > 0, factor, 1)
            wrong *= .5 / wrong.sum()
    return np.array(chosen)
