"""Reference of the learned fingerprint's front end: audio to log-mel bands to code bits, exact on every machine.

Input is 8 kHz mono int16. Each step is either integer arithmetic or single-rounded IEEE binary32 in a fixed order
(no fused multiply-add), so that an implementation in any language gives the same bits. MODEL.md states the steps and
the file layout in prose; this file is what the golden values come from.

Steps: frames of 256 samples every 80 (10 ms), Hann window, real FFT, power, triangular bands, log2 in 1/256 octave;
patches of P frames with valleys filled to a level relative to the patch's peaks (what noise and coders do to valleys
then matters little), K temporal functions of zero sum per band, linear projection to D values, threshold, sign.
"""
from __future__ import annotations

import dataclasses
import struct
import zlib

import numpy as np

RATE, FRAME, HOP = 8000, 256, 80
_HEADER = "<4sHHHHHHHHHHII"   # magic, version, B, P, K, D, shift1, shift2, span_band, span_patch, reserved, floor, reserved


@dataclasses.dataclass
class Model:
    """The learned constants. B bands, P frames a patch, K temporal functions, D bits.

    edges: (B + 2,) float64, band edges in Hz. floor: power added to each band. basis: (K, P) int8, rows sum to 0.
    projection: (D, B * K) int16, column index b * K + k, sum of magnitudes of a row at most 65535.
    threshold: (D,) int32. shift1, shift2: right shifts after stage 1 and for the 8-bit soft values.
    span_band, span_patch: relative floors in 1/256 octave: in each patch a band is kept from falling further than
    span_band below its own highest value and span_patch below the highest value of all bands (65535: no floor).
    """
    edges: np.ndarray
    floor: int
    basis: np.ndarray
    projection: np.ndarray
    threshold: np.ndarray
    shift1: int
    shift2: int
    span_band: int
    span_patch: int
    version: int = 1

    @property
    def bands(self):
        return len(self.edges) - 2

    def to_bytes(self):
        b, p, k, d = self.bands, self.basis.shape[1], self.basis.shape[0], len(self.threshold)
        head = struct.pack(_HEADER, b"CPFM", self.version, b, p, k, d, self.shift1, self.shift2,
                           self.span_band, self.span_patch, 0, self.floor, 0)
        body = (head + self.edges.astype("<f8").tobytes() + self.threshold.astype("<i4").tobytes()
                + self.projection.astype("<i2").tobytes() + self.basis.astype("<i1").tobytes())
        return body + struct.pack("<I", zlib.crc32(body))

    @classmethod
    def from_bytes(cls, data):
        magic, version, b, p, k, d, s1, s2, span_band, span_patch, _, floor, _ = struct.unpack_from(_HEADER, data)
        if magic != b"CPFM" or version != 1 or zlib.crc32(data[:-4]) != struct.unpack("<I", data[-4:])[0]:
            raise ValueError("not an intact CPFM file of version 1")
        at, out = struct.calcsize(_HEADER), []
        for kind, shape in (("<f8", (b + 2,)), ("<i4", (d,)), ("<i2", (d, b * k)), ("<i1", (k, p))):
            n = int(np.prod(shape))
            out.append(np.frombuffer(data, kind, n, at).reshape(shape))
            at += n * np.dtype(kind).itemsize
        return cls(out[0], floor, out[3], out[2], out[1], s1, s2, span_band, span_patch, version)


# ---- spectrum --------------------------------------------------------------------------------------------------

_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
_TWIDDLE = [(np.cos(2 * np.pi * k / FRAME).astype(np.float32), (-np.sin(2 * np.pi * k / FRAME)).astype(np.float32))
            for k in range(FRAME // 2)]
_WR = np.array([w[0] for w in _TWIDDLE], np.float32)
_WI = np.array([w[1] for w in _TWIDDLE], np.float32)
_REVERSED = np.array([int(f"{i:07b}"[::-1], 2) for i in range(128)])


def power_spectrum(x):
    """Power at bins 0..127 (31.25 Hz apart) of each frame.

    x: int16 (n,). Returns float32 (max(0, 1 + (n - 256) // 80), 128).

    The 256 real values are taken as 128 complex ones z[m] = x[2m] + i x[2m+1]; radix-2 decimation in time (bit
    reversal, then spans 1, 2, 4 .. 64; a, b -> a + wb, a - wb with wb = (br wr - bi wi, br wi + bi wr)); then
    X[k] = E[k] + w^k O[k] with E = (Z[k] + conj Z[128-k]) / 2, O = (Z[k] - conj Z[128-k]) / 2i, w = exp(-2 pi i / 256).
    """
    count = max(0, 1 + (len(x) - FRAME) // HOP)
    if count == 0:
        return np.zeros((0, 128), np.float32)
    v = np.lib.stride_tricks.sliding_window_view(np.asarray(x), FRAME)[::HOP].astype(np.float32) * _HANN
    re, im = v[:, 0::2][:, _REVERSED].copy(), v[:, 1::2][:, _REVERSED].copy()
    half = 1
    while half < 128:
        wr, wi = _WR[:: 128 // half][:half], _WI[:: 128 // half][:half]
        r, i = re.reshape(count, -1, 2, half), im.reshape(count, -1, 2, half)
        ar, ai, br, bi = r[:, :, 0], i[:, :, 0], r[:, :, 1], i[:, :, 1]
        tr, ti = br * wr - bi * wi, br * wi + bi * wr
        re = np.stack([ar + tr, ar - tr], 2).reshape(count, 128)
        im = np.stack([ai + ti, ai - ti], 2).reshape(count, 128)
        half *= 2
    mirror = (-np.arange(128)) % 128
    zr, zi, cr, ci = re, im, re[:, mirror], im[:, mirror]
    h = np.float32(0.5)
    er, ei, orr, oi = (zr + cr) * h, (zi - ci) * h, (zi + ci) * h, (cr - zr) * h
    xr, xi = er + (orr * _WR - oi * _WI), ei + (orr * _WI + oi * _WR)
    return xr * xr + xi * xi


def band_weights(edges, speed=1.0):
    """Triangles of height 1 over the 128 bins, (B, 128) float32; edges (Hz, float64) are first multiplied by `speed`."""
    e, f = np.asarray(edges, np.float64) * speed, np.arange(128) * 31.25
    low, mid, high = e[:-2, None], e[1:-1, None], e[2:, None]
    return np.maximum(0.0, np.minimum((f - low) / (mid - low), (high - f) / (high - mid))).astype(np.float32)


_LOG = np.floor(256 * np.log2(1 + (np.arange(512) + 0.5) / 512) + 0.5).astype(np.int32)


def log2_fixed(v):
    """log2 of positive float32 in 1/256 octave: 256 x exponent + a table over the 9 highest mantissa bits."""
    bits = np.ascontiguousarray(v, np.float32).view(np.uint32)
    return (((bits >> 23).astype(np.int32) - 127) * 256 + _LOG[(bits >> 14) & 511]).astype(np.int16)


def log_bands(x, edges, floor, speed=1.0):
    """Log-mel bands of int16 audio: int16 (frames, B) in 1/256 octave.

    Band sums run over bins in ascending order, in float32, starting from `floor`. speed: the query is taken to be
    played `speed` times faster than the reference: band edges scale with it, frames are interpolated in time.
    """
    weights, out = band_weights(edges, speed), []
    ranges = [(np.flatnonzero(w)[0], np.flatnonzero(w)[-1] + 1) if w.any() else (0, 0) for w in weights]
    step = 20000
    for a in range(0, max(0, 1 + (len(x) - FRAME) // HOP), step):
        p = power_spectrum(x[a * HOP:(a + step - 1) * HOP + FRAME])
        s = np.full((len(p), len(weights)), np.float32(floor), np.float32)
        for b, (first, last) in enumerate(ranges):
            for k in range(first, last):
                s[:, b] += p[:, k] * weights[b, k]
        out.append(log2_fixed(s))
    bands = np.concatenate(out) if out else np.zeros((0, len(weights)), np.int16)
    return bands if speed == 1.0 else stretch(bands, speed)


def stretch(bands, speed):
    """Frames interpolated at positions i / speed (Q16 steps, 8-bit fractions): to the reference's time."""
    n, step = len(bands), int(np.floor(65536 / speed + 0.5))
    if n < 2:
        return bands
    at = np.arange(((n - 1) << 16) // step + 1, dtype=np.int64) * step
    i = np.minimum(at >> 16, n - 2)
    f = ((at - (i << 16)) >> 8).astype(np.int32)[:, None]
    v = bands.astype(np.int32)
    return ((v[i] * (256 - f) + v[i + 1] * f + 128) >> 8).astype(np.int16)


# ---- codes -----------------------------------------------------------------------------------------------------

def stage1(patches, basis, shift1, span_band, span_patch):
    """Valley filling and temporal functions: patches (n, B, P) to float64 (n, B * K) of whole numbers."""
    v = patches.astype(np.float64)                      # float64 holds every sum here exactly: all below 2^53
    top = v.max(2, keepdims=True)
    v = np.maximum(v, np.maximum(top - span_band, top.max(1, keepdims=True) - span_patch))
    y = np.floor((v @ basis.T.astype(np.float64) + (1 << (shift1 - 1))) / (1 << shift1))
    return np.clip(y, -32768, 32767).reshape(len(v), -1)


def values(bands, model, every=1):
    """Soft values before the sign: int32 (codes, D); code j covers frames j * every .. j * every + P - 1."""
    p = model.basis.shape[1]
    if len(bands) < p:
        return np.zeros((0, len(model.threshold)), np.int32)
    patches = np.lib.stride_tricks.sliding_window_view(bands, p, axis=0)[::every]       # (codes, B, P)
    projection, out = model.projection.T.astype(np.float64), []
    for a in range(0, len(patches), 4096):
        y = stage1(patches[a:a + 4096], model.basis, model.shift1, model.span_band, model.span_patch)
        out.append((y @ projection - model.threshold).astype(np.int32))
    return np.concatenate(out)


def bits(soft):
    """Sign bits packed little-endian: bit d of a code is bit d % 8 of byte d // 8; 1 where the value is > 0."""
    return np.packbits(soft > 0, axis=1, bitorder="little")


def soft8(soft, model):
    """Soft values in 8 bits: (v + half) >> shift2, clipped to -127..127."""
    return np.clip((soft + (1 << (model.shift2 - 1))) >> model.shift2, -127, 127).astype(np.int8)


def test_signal(n=16000):
    """Noise, a rising sawtooth and pauses from integer arithmetic alone: int16 (n,), the golden file's input.

    state = (1664525 state + 1013904223) mod 2^32 from 1; phase += step mod 2^32, step from 100,000,000 rises by 20,000;
    sample = (((state >> 16) - 32768) >> 5) + (((phase >> 16) - 32768) >> 3), times 0 where (i // 1000) % 5 == 4 and
    shifted right by (i // 1000) % 3; shifts are arithmetic.
    """
    out, state, phase, step = np.zeros(n, np.int16), 1, 0, 100_000_000
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        phase, step = (phase + step) & 0xFFFFFFFF, step + 20_000
        v = (((state >> 16) - 32768) >> 5) + (((phase >> 16) - 32768) >> 3)
        out[i] = 0 if (i // 1000) % 5 == 4 else v >> ((i // 1000) % 3)
    return out


def golden(model):
    """Everything a second implementation should reproduce on `test_signal`, as a JSON-able dictionary."""
    x = test_signal()
    out = {"samples": len(x), "samples_crc32": zlib.crc32(x.astype("<i2").tobytes()),
           "model_crc32": zlib.crc32(model.to_bytes()[:-4])}
    for name, speed in (("speed_1", 1.0), ("speed_1.0625", 1.0625), ("speed_0.9375", 0.9375)):
        bands = log_bands(x, model.edges, model.floor, speed)
        soft = values(bands, model)
        out[name] = {"frames": len(bands), "bands_crc32": zlib.crc32(bands.astype("<i2").tobytes()),
                     "bands_frame_3": bands[3].tolist(), "bands_frame_100": bands[100].tolist(),
                     "values_code_50": soft[50].tolist(), "soft8_code_50": soft8(soft, model)[50].tolist(),
                     "values_crc32": zlib.crc32(soft.astype("<i4").tobytes()), "codes": [c.tobytes().hex() for c in bits(soft)]}
    return out
