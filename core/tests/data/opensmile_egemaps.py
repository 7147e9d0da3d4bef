"""Golden eGeMAPSv02 functionals for `core/tests/prosody.rs`, by openSMILE.

Runs openSMILE 3.0 (Python package opensmile 2.6.0) on renderings of the corpus at 8 kHz and writes `opensmile-egemaps.tsv`:
clip, functional, value.

    python -m venv venv && venv/bin/pip install opensmile==2.6.0 soundfile
    venv/bin/python core/tests/data/opensmile_egemaps.py
"""

from pathlib import Path

import opensmile
import soundfile

CLIPS = ["beauty-01__fs2", "card-01__slt", "card-01__joe", "bank-11__hib", "debt-01__taco"]
PREFIXES = ("F0semitone", "jitter", "shimmer", "HNR", "logRelF0-H1-H2", "slopeV", "slopeUV", "Voiced", "MeanVoiced", "StddevVoiced", "MeanUnvoiced", "StddevUnvoiced", "equivalent")
HERE = Path(__file__).parent
RENDERINGS = HERE.parents[2] / "corpus" / "renderings"


def main():
    smile = opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals)
    lines = ["# clip, functional, value; made by opensmile_egemaps.py"]
    for clip in CLIPS:
        samples, rate = soundfile.read(RENDERINGS / f"{clip}.flac", dtype="float32")
        table = smile.process_signal(samples, rate)
        lines += [f"{clip}\t{name}\t{float(table[name].iloc[0]):.8g}" for name in table.columns if name.startswith(PREFIXES)]
    (HERE / "opensmile-egemaps.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
