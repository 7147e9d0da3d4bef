"""The corpus agrees with its tables.

Standard library and pytest only: nothing is decoded (`build.py check` does that).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import manifest
from manifest import RENDERINGS, ROOT

SAMPLE_COLUMNS = ["file", "script", "rendering", "channel", "script_onset", "script_end", "handover", "condition",
                  "what", "licence"]
SOURCE_COLUMNS = ["file", "text", "licence", "provenance", "sha256", "seconds"]
CATEGORIES_THAT_MATTER = {
    "dental-implant", "bank-loan", "residency-agency", "education", "real-estate", "renovation", "securities",
    "telecom", "insurance", "medical-beauty", "debt-collection", "health-products", "survey", "auto-warranty",
    "credit-card", "tax-scam", "solar", "health-insurance", "student-loan", "energy", "delivery",
}
# SPDX identifiers that this repository may carry; LICENSES.md names what each covers.
LICENCES = {"MIT OR Apache-2.0", "CC-BY-SA-3.0"}

SCRIPTS = manifest.scripts()
RENDERED = manifest.renderings()
SAMPLES = manifest.read_table(ROOT / "samples" / "samples.tsv", SAMPLE_COLUMNS)
SOURCES = manifest.read_table(ROOT / "sample-sources" / "sources.tsv", SOURCE_COLUMNS)


def test_script_ids_are_well_formed_and_unique():
    ids = [row["id"] for row in SCRIPTS]
    assert [i for i in ids if not manifest.SCRIPT_ID.match(i)] == []
    assert len(set(ids)) == len(ids) >= 44


def test_script_texts_are_unique_and_in_the_language_they_claim():
    assert len({row["text"] for row in SCRIPTS}) == len(SCRIPTS)
    for row in SCRIPTS:
        han = re.search(r"[\u4e00-\u9fff]", row["text"]) is not None
        latin = re.search(r"[A-Za-z]", row["text"]) is not None
        assert (han, latin) == {"zh": (True, False), "en": (False, True)}[row["language"]], row["id"]
        assert row["source"], row["id"]


def test_texts_hold_no_figures():
    """Synthesisers read figures each in its own way; what is written out is what is said."""
    assert [row["id"] for row in SCRIPTS if re.search(r"[0-9]", row["text"])] == []


def test_every_category_that_matters_has_a_script():
    assert CATEGORIES_THAT_MATTER - {row["category"] for row in SCRIPTS} == set()


def test_dental_implants_come_in_variants():
    assert sum("以前了解过种植牙的价格" in row["text"] for row in SCRIPTS) >= 2
    assert sum(row["category"] == "dental-implant" for row in SCRIPTS) >= 5


def test_every_script_has_renderings_by_two_engines():
    for script in SCRIPTS:
        engines = {row["engine"].split()[0] for row in RENDERED if row["script"] == script["id"]}
        assert len(engines) >= 2, script["id"]


def test_folder_and_table_name_the_same_files():
    assert {row["file"] for row in RENDERED} == {path.name for path in RENDERINGS.iterdir()}


def test_every_voice_said_what_it_was_asked_to():
    from build import says  # imports nothing but the standard library

    asked = {f"{script['id']}__{voice['voice']}.flac"
             for voice in manifest.voices() for script in SCRIPTS if says(voice, script)}
    assert asked - {row["file"] for row in RENDERED} == set()


@pytest.mark.parametrize("row", RENDERED, ids=lambda row: row["file"])
def test_rendering_is_what_the_table_says(row):
    path = RENDERINGS / row["file"]
    assert row["file"] == f"{row['script']}__{row['rendering']}.flac"
    assert manifest.VOICE_ID.match(row["rendering"])
    script = next(script for script in SCRIPTS if script["id"] == row["script"])
    assert row["licence"] in LICENCES and row["provenance"] and row["engine"] and row["settings"]
    assert manifest.sha256(path) == row["sha256"]
    info = manifest.flac_info(path)
    assert (info.sample_rate, info.channels, info.bits) == (8000, 1, 16)
    assert abs(info.seconds - float(row["seconds"])) < 1e-3
    assert row["engine"] == "recording" or not manifest.rate_problem(script["language"], script["text"], info.seconds)


def test_samples_folder_and_table_name_the_same_files():
    there = {path.name for path in (ROOT / "samples").iterdir()} - {"samples.tsv"}
    assert {row["file"] for row in SAMPLES} == there


@pytest.mark.parametrize("row", SAMPLES, ids=lambda row: row["file"])
def test_sample_is_labelled(row):
    assert row["licence"] in LICENCES and row["condition"] and row["what"]
    if row["script"] == "-":
        assert {row[key] for key in ("rendering", "script_onset", "script_end", "handover")} == {"-"}
        return
    assert f"{row['script']}__{row['rendering']}.flac" in {rendered["file"] for rendered in RENDERED}
    onset, end = float(row["script_onset"]), float(row["script_end"])
    assert 0 < onset < end
    assert row["handover"] == "-" or float(row["handover"]) >= end


def test_samples_hold_matches_and_what_must_not_match():
    assert sum(row["script"] != "-" for row in SAMPLES) >= 5
    assert sum(row["script"] == "-" for row in SAMPLES) >= 2
    assert any(row["handover"] != "-" for row in SAMPLES)


@pytest.mark.parametrize("row", SOURCES, ids=lambda row: row["file"])
def test_sample_source_is_what_the_table_says(row):
    path = ROOT / "sample-sources" / row["file"]
    assert row["licence"] in LICENCES and row["provenance"]
    assert manifest.sha256(path) == row["sha256"]
    assert abs(manifest.flac_info(path).seconds - float(row["seconds"])) < 1e-3
    assert row["text"] not in {script["text"] for script in SCRIPTS}


def test_size_stays_fit_for_a_repository():
    def size(folder: Path) -> int:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size(RENDERINGS) < 26e6
    assert size(ROOT / "samples") < 3e6


# What the checks themselves must catch.

def test_flac_info_reads_a_header_put_together_by_hand(tmp_path):
    # RFC 9639, 8.2: block sizes (2 x 16 bits), frame sizes (2 x 24), rate (20), channels - 1 (3), bits - 1 (5),
    # samples (36), MD5 (128).
    packed = 8000 << 44 | (2 - 1) << 41 | (16 - 1) << 36 | 12345
    header = b"fLaC" + b"\x80\x00\x00\x22" + b"\x10\x00\x10\x00" + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    path = tmp_path / "a.flac"
    path.write_bytes(header)
    assert manifest.flac_info(path) == manifest.FlacInfo(8000, 2, 16, 12345)
    path.write_bytes(header[:20])
    with pytest.raises(manifest.CorpusError, match="not a FLAC file"):
        manifest.flac_info(path)


def test_tables_with_a_missing_field_are_refused_by_line(tmp_path):
    path = tmp_path / "scripts.tsv"
    path.write_text("id\tcategory\tlanguage\ttext\tsource\nx-01\tsurvey\ten\tHello.\n", encoding="utf-8")
    with pytest.raises(manifest.CorpusError, match=r"scripts\.tsv:2: 4 fields instead of 5"):
        manifest.read_table(path, manifest.SCRIPT_COLUMNS)


def test_a_rendering_too_slow_for_its_text_is_noticed():
    # 20 characters in 8 s is what espeak-ng takes when it reads out the tone digit of each.
    assert "2.5 syllables/s" in manifest.rate_problem("zh", "好" * 20, 8.0)
    assert manifest.rate_problem("zh", "好" * 20, 4.5) is None
