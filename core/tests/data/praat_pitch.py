"""Golden F0 contours for `core/tests/prosody.rs`, by Praat.

Runs Praat's `To Pitch (ac)` with its standard settings (floor 75 Hz, ceiling 600 Hz, time step 10 ms) through
praat-parselmouth 0.4 on renderings of the corpus and writes `praat-pitch.tsv`: a line a clip with its name, the time of
Praat's first frame in s, and F0 in Hz each 10 ms, 0 where unvoiced.

    python -m venv venv && venv/bin/pip install praat-parselmouth==0.4.7 soundfile
    venv/bin/python core/tests/data/praat_pitch.py
"""

from pathlib import Path

import parselmouth
import soundfile

CLIPS = ["beauty-01__fs2", "card-01__slt", "card-01__joe", "bank-11__hib", "debt-01__taco"]
HERE = Path(__file__).parent
RENDERINGS = HERE.parents[2] / "corpus" / "renderings"


def main():
    lines = ["# clip, time of the first frame (s), F0 (Hz) each 10 ms; made by praat_pitch.py"]
    for clip in CLIPS:
        samples, rate = soundfile.read(RENDERINGS / f"{clip}.flac")
        sound = parselmouth.Sound(samples, rate)
        pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=75, pitch_ceiling=600)
        f0 = " ".join(f"{f:.2f}" if f else "0" for f in pitch.selected_array["frequency"])
        lines.append(f"{clip}\t{pitch.x1:.6f}\t{f0}")
    (HERE / "praat-pitch.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
