#!/usr/bin/env python3
"""Speaks Mandarin sentences with the 24 voices of ttskit, for the machine-voice model: Tacotron 2 (Mellotron) and MelGAN.

usage: mandarin_voices.py CACHE FOLDER [--sentences 12]      # of each voice

FOLDER: ttskit 0.3.8, unpacked (`pip download --no-deps ttskit==0.3.8`, a zip archive; MIT; the voices are those of a Chinese cloud service). It wants an
environment of its own: `pip install torch "numpy<2" scipy soundfile librosa==0.9.2 phkit aukit inflect unidecode pypinyin jieba pydub tensorboardX
matplotlib setproctitle pyyaml xmltodict webrtcvad-wheels "setuptools<70"`. Clips are laid out as `material.py` does, in the split `learn`.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import engines
from material import draw, save, table

# The speakers' names are how the model knows them.
VOICES = ("Aibao Aicheng Aida Aijia Aijing Aimei Aina Aiqi Aitong Aiwei Aixia Aiya Aiyu Aiyue Siyue Xiaobei Xiaogang Xiaomei Xiaomeng Xiaowei Xiaoxue "
          "Xiaoyun Yina biaobei").split()
RATE = 22050


class Speaker:
    def __init__(self, folder):
        # The model's files name their modules without the package.
        sys.path[:0] = [str(folder), str(folder / "ttskit")]
        import torch
        from mellotron.data_utils import TextMelLoader
        from mellotron.hparams import create_hparams

        torch.set_num_threads(1)
        models = folder / "ttskit/resource/model"
        load = lambda name: torch.load(models / name, map_location="cpu", weights_only=False)
        self.torch, self.acoustic, self.vocoder = torch, load("mellotron.kuangdd-mspk.pt"), load("melgan.kuangdd.pt")
        self.acoustic.eval(), self.vocoder.eval()
        settings = create_hparams((models / "mellotron.kuangdd-mspk.hparams.json").read_text(encoding="utf-8"))
        self.input = TextMelLoader(audiopaths_and_text="", hparams=settings, speaker_ids=None, mode="test").get_data_inference_v2

    def say(self, text, voice):
        """Samples at RATE; none where the model does not find the end of the sentence."""
        text, _, speaker, f0 = self.input(["", text, voice])
        self.torch.manual_seed(1)  # its dropout stays on
        with self.torch.no_grad():
            _, mel, gates, _ = self.acoustic.inference((text[None].long(), 0, speaker, f0))
            end = int(np.argmax(self.torch.sigmoid(gates).numpy()[0] > 0.8))
            return self.vocoder.inference(mel[:, :, :end]).squeeze().numpy().astype(np.float32) / 32768 if end else np.zeros(0, np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sentences", type=int, default=12)
    arguments = parser.parse_args()
    speaker = Speaker(arguments.folder)
    rows = [r for r in table("sentences.tsv") if r["lang"] == "zh"]
    for voice in VOICES:
        name = f"mk-{voice.lower()}"
        for row in sorted(rows, key=lambda r: draw(name, r["id"]))[:arguments.sentences]:
            path = arguments.cache / "learn" / name / f"{row['id']}.flac"
            y = np.zeros(0) if path.exists() else speaker.say(row["text"], voice)
            if len(y):
                note = {"voice": name, "engine": "ttskit", "lang": "zh", "kind": "sentence", "near_public": "no", "text_id": row["id"], "family": "", "text": row["text"]}
                save(path, engines.trim(engines.to_rate(y, RATE)), note)


if __name__ == "__main__":
    main()
