"""What openSMILE, Praat and librosa say about clips, and how long they take: the other side of `prosody-peers`.

usage: prosody.py LIST OUT
LIST: a path of a WAV file (8 kHz, mono, 16 bit) a line. The first 100 of them, or as many as are marked `egemaps`
after a tab, also go through openSMILE. OUT: one JSON object.

Processor time is counted around the call of the peer alone, with the samples in memory; each peer runs on one thread.
"""
from __future__ import annotations

import json
import sys
import time

import numpy as np
import soundfile

RATE = 8000


class Clock:
    """Processor seconds and seconds of audio."""

    def __init__(self):
        self.cpu = self.audio = 0.0

    def run(self, call, samples):
        begin = time.process_time()
        result = call()
        self.cpu += time.process_time() - begin
        self.audio += len(samples) / RATE
        return result

    def speed(self):
        return self.audio / self.cpu if self.cpu else None


def praat_f0(samples, clock):
    """F0 (Hz, 0 unvoiced) at 25, 35, … ms: Sound: To Pitch (ac) at its standard settings, 10 ms a step."""
    import parselmouth

    sound = parselmouth.Sound(samples.astype(np.float64), RATE)
    pitch = clock.run(lambda: sound.to_pitch_ac(time_step=0.01, pitch_floor=75.0, pitch_ceiling=600.0), samples)
    first = round(pitch.xs()[0], 4)
    values = pitch.selected_array["frequency"]
    return first, [round(float(v), 4) for v in values]


def main():
    rows = [line.rstrip("\n").split("\t") for line in open(sys.argv[1], encoding="utf-8")]
    clocks = {name: Clock() for name in ("praat_f0", "opensmile", "librosa_pyin")}
    import librosa
    import opensmile
    import parselmouth

    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals, num_workers=1)
    clips = []
    for path, *marks in rows:
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE and samples.ndim == 1, path
        first, f0 = praat_f0(samples, clocks["praat_f0"])
        clip = {"praat_first": first, "praat_f0": f0}
        if "egemaps" in marks:
            table = clocks["opensmile"].run(lambda: smile.process_signal(samples, RATE), samples)
            clip["egemaps"] = {name: float(table[name].iloc[0]) for name in table.columns}
        if "pyin" in marks:
            # The call librosa's documentation shows, on the range and step of the others.
            clocks["librosa_pyin"].run(lambda: librosa.pyin(samples, fmin=75, fmax=600, sr=RATE, frame_length=512, hop_length=80), samples)
        clips.append(clip)
    versions = {"opensmile": opensmile.__version__, "praat": parselmouth.PRAAT_VERSION, "parselmouth": parselmouth.VERSION, "librosa": librosa.__version__}
    speeds = {name: clock.speed() for name, clock in clocks.items()}
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        json.dump({"clips": clips, "speeds": speeds, "versions": versions}, out)


if __name__ == "__main__":
    main()
