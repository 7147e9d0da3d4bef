"""Made-up sounds of a telephone line that are not speech, and strings of recorded words."""
from __future__ import annotations

import numpy as np

import channel

RATE = 8000
# name -> (frequencies in Hz, seconds on, seconds off): ringing, busy and dial tones of several countries (ITU-T E.180)
CADENCES = {
    "ring-cn": ((450,), 1.0, 4.0), "ring-us": ((440, 480), 2.0, 4.0), "ring-eu": ((425,), 1.0, 4.0), "ring-uk": ((400, 450), 0.4, 0.2),
    "busy-cn": ((450,), 0.35, 0.35), "busy-us": ((480, 620), 0.5, 0.5), "busy-eu": ((425,), 0.5, 0.5), "congestion": ((425,), 0.25, 0.25),
    "dial-us": ((350, 440), 9.0, 0.0), "dial-eu": ((425,), 9.0, 0.0), "fax": ((1100,), 0.5, 3.0), "answer": ((2100,), 3.0, 0.2),
}
DTMF = [(r, c) for r in (697, 770, 852, 941) for c in (1209, 1336, 1477)]


def cadence(n, name):
    """The tone, at -14 dBFS, from the start of its first burst."""
    frequencies, on, off = CADENCES[name]
    t = np.arange(n) / RATE
    y = sum(np.sin(2 * np.pi * f * t) for f in frequencies) / len(frequencies) * 0.3
    return (y * (t % (on + off) < on)).astype(np.float32)


def room(n, seed, dbfs):
    """The hum and hiss of a quiet room, at `dbfs` RMS."""
    rng = np.random.default_rng([seed, 9])
    y = channel.band(channel.coloured_noise(max(n, RATE), rng.uniform(0.3, 1.8), seed), 80, 3400, 2)[:n]
    return (y / (y.std() + 1e-9) * 10 ** (dbfs / 20)).astype(np.float32) if n else y


def ringing(rng):
    """What a caller hears before the answer: some seconds of ringing, cut at a random time."""
    name = ("ring-cn", "ring-us", "ring-eu")[int(rng.integers(3))]
    return cadence(int(rng.uniform(1.5, 6) * RATE), name)


def tone(n, seed):
    """One of: a call-progress tone, keys pressed, comfort noise, room noise, clicks; with a faint line noise."""
    rng = np.random.default_rng([seed, 8])
    kind = int(rng.integers(6))
    if kind <= 2:
        name = list(CADENCES)[int(rng.integers(len(CADENCES)))]
        y = np.roll(cadence(n + RATE * 8, name), -int(rng.integers(RATE * 4)))[:n]
        if np.abs(y).max() < 1e-3:
            y = cadence(n, name)
    elif kind == 3:
        y, t = np.zeros(n, np.float32), np.arange(int(0.12 * RATE)) / RATE
        for at in range(0, n - len(t), int(rng.uniform(0.2, 0.6) * RATE)):
            a, b = DTMF[int(rng.integers(12))]
            y[at:at + len(t)] = 0.2 * (np.sin(2 * np.pi * a * t) + np.sin(2 * np.pi * b * t))
    elif kind == 4:
        y = room(n, seed, rng.uniform(-60, -30))
    else:
        y = (channel.coloured_noise(n, 0, seed) * 10 ** (rng.uniform(-65, -40) / 20)).astype(np.float32)
    return y + room(n, seed + 1, -65)


def words(n, rows, read, seed):
    """`n` samples of recorded words of one voice in a random order, with short pauses."""
    rng = np.random.default_rng([seed, 7])
    voice = sorted({r["voice"] for r in rows})
    mine = [r for r in rows if r["voice"] == voice[int(rng.integers(len(voice)))]]
    parts, total = [], 0
    while total < n:
        y = read(mine[int(rng.integers(len(mine)))]["path"])
        at = int(rng.integers(len(y) - n)) if len(y) > 2 * n else 0
        parts += [y[at:at + n], np.zeros(int(rng.uniform(0.05, 0.35) * RATE), np.float32)]
        total += len(parts[-2]) + len(parts[-1])
    return np.concatenate(parts)[:n]
