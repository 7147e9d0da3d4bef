"""Telephone conditions of the development sets: what each name does to a clip, with the speed known to the caller.

`channel.py` has the stages; here are the chains. Those of `COMMON` are the ones that the reported sets use as well;
those of `FURTHER` (other codecs, noises, rooms, speeds up to 12 % and combinations) are only met here, so that a score
fitted on a development set does not lean on a closed list.
"""
from __future__ import annotations

import numpy as np

import channel

ANY = ("white", "babble", "music", "environment")
COMMON = {
    "alaw": [("codec", "alaw")], "gsm": [("codec", "gsm")], "amr122": [("codec", "amr122")], "amr475": [("codec", "amr475")],
    "opus8_loss5": [("codec", "opus8"), ("loss", 0.05, 2, "fade")],
    "gsm_n10": [("noise", ANY, 10), ("codec", "gsm")], "amr475_n10": [("noise", ANY, 10), ("codec", "amr475")],
    "alaw_n5": [("noise", ANY, 5), ("codec", "alaw")], "alaw_n0": [("noise", ANY, 0), ("codec", "alaw")],
    "speed3": [("speed", 0.03), ("codec", "alaw")], "speed6": [("speed", 0.06), ("codec", "alaw")],
    "speed10": [("speed", 0.10), ("codec", "alaw")], "tempo6": [("tempo", 0.06), ("codec", "alaw")],
    "pitch1": [("pitch", 1.0), ("codec", "alaw")], "doubletalk5": [("noise", ("voice",), 5), ("codec", "alaw")],
    "overdrive": [("overdrive", 12), ("codec", "alaw")], "tandem": [("codec", "gsm+g726_32+amr475")],
    "slips": [("codec", "alaw"), ("slips", 1.0)], "room": [("room", 0.2, 0.5, 0), ("codec", "speex8")],
    "loss10_gap": [("codec", "alaw"), ("loss", 0.10, 2, "gap")],
}
FURTHER = {
    "ulaw_quiet": [("level", -42), ("codec", "ulaw")], "g726_24": [("codec", "g726_24")], "g723": [("codec", "g723")],
    "amr59": [("codec", "amr59")], "opus16": [("codec", "opus16")], "opus6": [("codec", "opus6")], "speex8": [("codec", "speex8")],
    "mp3_16": [("codec", "mp3_16")],
    "white5": [("noise", ("white",), 5), ("codec", "ulaw")], "pink0": [("noise", ("pink",), 0), ("codec", "ulaw")],
    "babble10": [("noise", ("babble",), 10), ("codec", "amr59")], "babble5": [("noise", ("babble",), 5), ("codec", "ulaw")],
    "babble0": [("noise", ("babble",), 0), ("codec", "alaw")], "environment0": [("noise", ("environment",), 0), ("codec", "alaw")],
    "music5": [("noise", ("music",), 5), ("codec", "gsm")], "doubletalk0": [("noise", ("voice",), 0), ("codec", "alaw")],
    "room_small": [("room", 0.1, 0.25, 3), ("codec", "alaw")], "room_far": [("room", 0.4, 0.8, -3), ("codec", "ulaw")],
    "room_amr475": [("room", 0.2, 0.6, 0), ("codec", "amr475")], "room_n15": [("room", 0.2, 0.5, 0), ("noise", ANY, 15), ("codec", "gsm")],
    "speed4_gsm": [("speed", 0.04), ("codec", "gsm")], "speed8_opus8": [("speed", 0.08), ("codec", "opus8")],
    "speed12": [("speed", 0.12), ("codec", "alaw")], "tempo10": [("tempo", 0.10), ("codec", "alaw")],
    "pitch2": [("pitch", 2.0), ("codec", "alaw")], "speed5_gsm_n10": [("speed", 0.05), ("noise", ANY, 10), ("codec", "gsm")],
    "opus8_loss10_n10": [("noise", ANY, 10), ("codec", "opus8"), ("loss", 0.10, 2, "fade")],
    "amr59_loss8": [("codec", "amr59"), ("loss", 0.08, 2, "repeat")], "tandem_n10": [("noise", ANY, 10), ("codec", "gsm+amr475")],
    "slips3_amr122": [("codec", "amr122"), ("slips", 3.0)], "overdrive_gsm": [("overdrive", 18), ("codec", "gsm")],
    "loss20_gap": [("codec", "ulaw"), ("loss", 0.20, 2, "gap")],
    "dull": [("tilt", -6), ("codec", "alaw")], "bright_amr475": [("tilt", 5), ("codec", "amr475")],
}
CONDITIONS = COMMON | FURTHER


def change(condition, rng):
    """(kind, factor) of the condition's change of speed or tempo, with a random sign; ("", 1.0) if it has none."""
    for kind, *p in CONDITIONS[condition]:
        if kind in ("speed", "tempo"):
            return kind, round(1 + p[0] * float(rng.choice([-1, 1])), 3)
    return "", 1.0


def noisy(x, kinds, snr, seed, pools):
    """The clip with one of the kinds of noise, `snr` dB below its active level."""
    rng = np.random.default_rng([seed, 3])
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind == "music" and pools["songs"] and rng.random() < 0.6:
        song = pools["songs"][int(rng.integers(len(pools["songs"])))]
        return channel.mix(x, np.roll(song, -int(rng.integers(len(song)))), snr)
    return channel.mix(x, channel.noise(len(x), kind, seed, pools["speech"]), snr)


def _grouped(work, clips, keys):
    """`work(clips, key)` once for each distinct key; the order is kept."""
    out = [None] * len(clips)
    for key in sorted(set(keys)):
        which = [i for i, k in enumerate(keys) if k == key]
        for i, y in zip(which, work([clips[i] for i in which], key)):
            out[i] = y
    return out


def run(condition, clips, seeds, factors, pools, level=(-32, -18)):
    """The clips through the chain.

    seeds: one whole number a clip. factors: each clip's factor of `change`. pools: `speech` (clips for babble and double
    talk, of voices that the set does not test) and `songs`. level: range of the active level in dBFS; None keeps it.
    """
    clips = [channel.band(c) for c in clips]
    if level:
        clips = [channel.to_level(c, np.random.default_rng([s, 1]).uniform(*level)) for c, s in zip(clips, seeds)]
    for kind, *p in CONDITIONS[condition]:
        if kind == "codec":
            clips = channel.codec(clips, p[0])
        elif kind == "speed":
            clips = [channel.speed(c, f) for c, f in zip(clips, factors)]
        elif kind == "tempo":
            clips = _grouped(channel.tempo, clips, factors)
        elif kind == "pitch":
            signs = [float(np.random.default_rng([s, 2]).choice([-1, 1])) for s in seeds]
            clips = _grouped(lambda c, k: channel.pitch(c, k * p[0]), clips, signs)
        elif kind == "noise":
            clips = [noisy(c, p[0], p[1], s, pools) for c, s in zip(clips, seeds)]
        elif kind == "loss":
            clips = [channel.packet_loss(c, p[0], p[1], s, p[2]) for c, s in zip(clips, seeds)]
        elif kind == "slips":
            clips = [channel.jitter_slips(c, p[0], s) for c, s in zip(clips, seeds)]
        elif kind == "room":
            clips = [channel.reverberate(c, np.random.default_rng([s, 4]).uniform(p[0], p[1]), p[2], s) for c, s in zip(clips, seeds)]
        elif kind == "level":
            clips = [channel.to_level(c, p[0]) for c in clips]
        else:
            clips = [{"overdrive": channel.overdrive, "tilt": channel.tilt}[kind](c, *p) for c in clips]
    return clips
