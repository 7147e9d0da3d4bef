"""What results look like in a notebook: small tables and timelines, no script, no dependency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callprint._index import Index
    from callprint._results import Match, ScanResult, ScanResults

ROWS = 20
"""Rows of a table that are shown."""

_WIDTH = 480
_STYLE = "font-family:sans-serif;font-size:13px;border-collapse:collapse"
_MATCH = "#d55e00"  # Okabe & Ito's colours can be told apart by everyone.
_CALL = "#888"
_VOICE = {"machine_voice": "#cc79a7", "handover": "#0072b2"}


def scan_html(result: ScanResult) -> str:
    """Show the result of one recording: its length, a timeline of matches and events, and a table of matches."""
    head = f"<b>{escape(result.file)}</b> · {result.seconds:.1f} s"
    if result.machine_voice.probability is not None:
        head += f" · machine voice {result.machine_voice.probability:.0%}"
    matches = [match for match in result.matches if match.decided_at is not None]
    if not matches:
        return f"<div style='font-family:sans-serif;font-size:13px'>{head} · no match{_timeline(result)}</div>"
    rows = [_match_cells(match) for match in matches[:ROWS]]
    header = ("script", "category", "in the recording, s", "in the script, s", "speed", "BER", "false alarms, 1/h")
    return f"<div style='font-family:sans-serif;font-size:13px'>{head}{_timeline(result)}{_table(header, rows)}</div>"


def results_html(results: ScanResults) -> str:
    """Show the results of several recordings: a row each, with its best match and a timeline."""
    rows = []
    for result in list(results)[:ROWS]:
        best = next((match for match in result.matches if match.decided_at is not None), None)
        found = (
            ("no match", "", "") if best is None else (*_match_cells(best)[:1], *_match_cells(best)[2:3], _far(best))
        )
        rows.append((escape(result.file), f"{result.seconds:.1f}", *found, _timeline(result, width=200)))
    more = _more(len(results) - len(rows), "recording")
    failed = "".join(
        f"<div style='font-family:sans-serif;font-size:13px'>left out: {escape(str(failure.error))}</div>"
        for failure in results.failures[:ROWS]
    )
    header = ("recording", "length, s", "script", "from – to, s", "false alarms, 1/h", "timeline")
    return _table(header, rows) + more + failed


def index_html(index: Index) -> str:
    """Show what an index holds: scripts with their renderings."""
    renderings = index.renderings
    counts = Counter(rendering.script for rendering in renderings)
    known = {rendering.script: rendering for rendering in renderings}
    rows = [
        (escape(script), escape(known[script].category), escape(known[script].language), str(count))
        for script, count in list(counts.items())[:ROWS]
    ]
    head = f"<div style='font-family:sans-serif;font-size:13px'><b>Index</b> · {escape(str(index.path or 'in memory'))}"
    head += f" · {len(renderings)} renderings of {len(counts)} scripts</div>"
    table = _table(("script", "category", "language", "renderings"), rows)
    return head + table + _more(len(counts) - len(rows), "script")


def _match_cells(match: Match) -> tuple[str, ...]:
    script = escape(match.script)
    if match.rivals:
        script += f" <span style='color:{_CALL}'>or {escape(', '.join(match.rivals))}</span>"
    return (
        script,
        escape(match.category),
        f"{match.query_start:.1f} – {match.query_end:.1f}",
        f"{match.script_start:.1f} – {match.script_end:.1f}",
        f"{match.speed:.2f}",
        f"{match.ber:.2f}",
        _far(match),
    )


def _far(match: Match) -> str:
    return f"{match.false_alarms_per_hour:.0e}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cell = "style='text-align:left;padding:2px 8px'"
    head = "".join(f"<th {cell}>{name}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td {cell}>{value}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table style='{_STYLE}'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _more(count: int, what: str) -> str:
    if count <= 0:
        return ""
    return f"<div style='font-family:sans-serif;font-size:13px'>and {count} more {what}{'s' if count > 1 else ''}</div>"


def _timeline(result: ScanResult, width: int = _WIDTH) -> str:
    """Draw the recording as a bar: matches thick, events as ticks, those about the voice in colours of their own."""
    scale = width / max(result.seconds, 1e-9)
    parts = [f"<rect x='0' y='8' width='{width}' height='2' fill='{_CALL}'/>"]
    for match in result.matches:
        if match.decided_at is not None:
            x, w = match.query_start * scale, max(1.0, (match.query_end - match.query_start) * scale)
            title = escape(f"{match.script} {match.query_start:.1f} to {match.query_end:.1f} s")
            parts.append(
                f"<rect x='{x:.1f}' y='4' width='{w:.1f}' height='10' fill='{_MATCH}'><title>{title}</title></rect>"
            )
    for event in result.events:
        title = escape(f"{event.type.replace('_', ' ')} {event.at:.1f} s")
        thick, colour = (2, _VOICE[event.type]) if event.type in _VOICE else (1, _CALL)
        x = min(event.at * scale, width - thick)
        tick = f"<rect x='{x:.1f}' y='0' width='{thick}' height='18' fill='{colour}'>"
        parts.append(f"{tick}<title>{title}</title></rect>")
    return f"<svg width='{width}' height='18' style='display:block;margin:4px 0'>{''.join(parts)}</svg>"
