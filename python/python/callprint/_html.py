"""What results look like in a notebook: small tables and timelines, no script, no dependency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callprint._index import Index
    from callprint._results import Match, ScanResult, ScanResults
    from callprint._same_words import SameWords, WordingResult, WordingResults
    from callprint._sequence import Failure

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
    header = ("recording", "length, s", "script", "from – to, s", "false alarms, 1/h", "timeline")
    return _table(header, rows) + more + _failed(results.failures)


def words_html(result: WordingResult) -> str:
    """Show which scripts one recording says: its length and a table."""
    head = f"<b>{escape(result.file)}</b> · {result.seconds:.1f} s"
    if not result.same_words:
        return f"<div style='font-family:sans-serif;font-size:13px'>{head} · no known words</div>"
    header = ("script", "in the recording, s", "in the script, s", "score", "false alarms, 1/h")
    rows = [
        (
            escape(found.script),
            f"{found.query_start:.1f} – {found.query_end:.1f}",
            f"{found.script_start:.1f} – {found.script_end:.1f}",
            f"{found.score:.2f}",
            _far(found),
        )
        for found in result.same_words[:ROWS]
    ]
    return f"<div style='font-family:sans-serif;font-size:13px'>{head}{_table(header, rows)}</div>"


def words_results_html(results: WordingResults) -> str:
    """Show which scripts several recordings say: a row each, with the script that it says most surely."""
    rows = []
    for result in list(results)[:ROWS]:
        best = result.same_words[0] if result.same_words else None
        found = (
            ("no known words", "", "")
            if best is None
            else (escape(best.script), f"{best.query_start:.1f} – {best.query_end:.1f}", _far(best))
        )
        rows.append((escape(result.file), f"{result.seconds:.1f}", *found))
    header = ("recording", "length, s", "script", "from – to, s", "false alarms, 1/h")
    return _table(header, rows) + _more(len(results) - len(rows), "recording") + _failed(results.failures)


def index_html(index: Index) -> str:
    """Show what an index holds: scripts with their renderings."""
    if index.closed:
        return "<div style='font-family:sans-serif;font-size:13px'><b>Index</b> · closed</div>"
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


def _far(found: Match | SameWords) -> str:
    return f"{found.false_alarms_per_hour:.0e}"


def _failed(failures: Sequence[Failure]) -> str:
    rows = failures[:ROWS]
    told = "".join(
        f"<div style='font-family:sans-serif;font-size:13px'>left out: {escape(failure.told)}</div>" for failure in rows
    )
    return told + _more(len(failures) - len(rows), "failure")


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
