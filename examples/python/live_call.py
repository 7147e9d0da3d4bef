"""Listen to a call as it comes, here from a file, and hang up as soon as a known script is certain.

python live_call.py call.wav
"""

from __future__ import annotations

import sys

import callprint


def main(path: str) -> None:
    """Feed a recording in packets of 20 ms, as a switchboard would."""
    y, sr = callprint.load(path, channel=0)
    packet = sr // 50
    session = callprint.Session(sr=sr)
    for start in range(0, len(y), packet):
        for event in session.push(y[start : start + packet]):
            print(f"{event.at:5.1f} s  {event.type}", event.match.script if event.match else "")
            if event.type == "match":
                return
    for event in session.finish():
        print(f"{event.at:5.1f} s  {event.type}")


if __name__ == "__main__":
    main(sys.argv[1])
