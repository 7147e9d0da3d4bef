"""Golden formants for `core/tests/prosody.rs`, by Praat.

Runs Praat's `To Formant (burg)` (five formants below 4 kHz, window 25 ms, pre-emphasis from 50 Hz) through praat-parselmouth on
renderings of the corpus, and writes `praat-formants.tsv`: a line a clip with its name, and for each frame that Praat's
`To Pitch (ac)` calls voiced its number (of 10 ms, centre at `(number + 0.5) · 10 ms`) and the first three formants in Hz.

    python -m venv venv && venv/bin/pip install praat-parselmouth==0.4.7 soundfile
    venv/bin/python core/tests/data/praat_formants.py
"""

from pathlib import Path

import parselmouth
import soundfile

CLIPS = ["beauty-01__fs2", "card-01__slt", "card-01__joe", "bank-11__hib", "debt-01__taco"]
HERE = Path(__file__).parent
RENDERINGS = HERE.parents[2] / "corpus" / "renderings"
# Every third frame is enough.
STEP = 3


def main():
    lines = ["# clip, then a voiced frame a cell: number of 10 ms, formants 1 to 3 (Hz); made by praat_formants.py"]
    for clip in CLIPS:
        samples, rate = soundfile.read(RENDERINGS / f"{clip}.flac")
        sound = parselmouth.Sound(samples, rate)
        pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=75, pitch_ceiling=600)
        formants = sound.to_formant_burg(
            time_step=0.01, max_number_of_formants=5, maximum_formant=4000, window_length=0.025, pre_emphasis_from=50
        )
        cells = []
        for number in range(4, len(samples) // 80 - 4, STEP):
            time = (number + 0.5) * 0.01
            if pitch.get_value_at_time(time) > 0:
                hertz = " ".join(f"{formants.get_value_at_time(k, time):.0f}" for k in (1, 2, 3))
                cells.append(f"{number} {hertz}")
        lines.append("\t".join([clip, *cells]))
    (HERE / "praat-formants.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
