from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from embcomp.comparison import tables
from embcomp.comparison.figures import MOST_CURVES, Material, all_figures, errors, losses, pareto, pattern
from embcomp.comparison.page import Report, findings, html_page
from embcomp.comparison.tables import Line
from embcomp.comparison.workbench import BASELINE, Evaluation, Result
from embcomp.embedding import Source
from embcomp.eval.score import Score


def line(method: str, size: int, ratio: float | None, value: float | None = 50.0, bits: int = 8) -> Line:
    base = Score("none", "similarity", "one", "spearman", 100.0, None, None, 5, 0, 0)
    if ratio is not None:
        value = 100 * ratio
    score = replace(base, value=value, baseline=None if ratio is None else base)
    result = Result(
        method,
        {"bits": bits},
        bits,
        {"file": size},
        {"vectors": 4.0, "file": 1000 / size},
        {"fit": 1.0, "encode": 0.0},
        [score],
        label=f"{method} bits={bits}",
        key=method,
    )
    return tables.summarise([result])[0]


BASE = line(BASELINE, 1000, 1.0)


def test_the_smallest_that_is_close_enough_is_named() -> None:
    lines = [BASE, line("a", 100, 0.97), line("b", 50, 0.96), line("c", 10, 0.5)]
    assert findings(lines) == [
        "Smallest with at least 95 % of the uncompressed similarity: b bits=8, 50 B, 20.0 × smaller."
    ]


def test_that_nothing_is_close_enough_is_said() -> None:
    assert findings([BASE, line("a", 100, 0.5)]) == ["Nothing here keeps 95 % of the uncompressed similarity."]


def test_a_suite_that_the_source_has_no_score_in_is_passed_over() -> None:
    assert findings([BASE, line("a", 100, None)]) == []


def material(lines: list[Line], **details: Any) -> Material:
    return Material(lines, {each.label: details for each in lines[1:]}, [0.8, 0.6])


def test_pictures_are_left_out_where_there_is_nothing_to_draw() -> None:
    nothing = {"losses": [], "loss_kind": "a", "singular_values": [], "errors": [], "pattern": None}
    figures = all_figures(material([BASE, line("a", 100, None, value=None)], **nothing))
    assert [figure.slug for figure in figures] == ["singular-values"]


def test_a_method_has_one_colour_in_every_report() -> None:
    few, more = (
        Material([BASE, *(line(method, 100, 0.9) for method in methods)], {}, []).series
        for methods in (["iiq", "mine"], ["theirs", "kd", "mine", "sign", "iiq"])
    )
    assert few["iiq"] == more["iiq"]
    assert len(set(more.values())) == 5  # a method that has none of its own gets one that is free


def test_curves_of_one_point_are_no_picture() -> None:
    found = material([BASE, line("a", 100, 0.9)], losses=[0.5], loss_kind="a", errors=[{"band": "all", "error": 0.1}])
    assert losses(found) == []
    assert errors(found) is None


def test_why_fidelity_is_low_is_said_where_it_is_shown() -> None:
    for method, said in (("iiq", True), ("itq", False)):
        score = replace(line(method, 100, 0.9).first.scores[0], suite="fidelity", baseline=None)
        lines = tables.summarise([replace(line(method, 100, 0.9).first, scores=[score])])
        figure = pareto(Material(lines, {}, []), ("fidelity", "spearman"))
        assert figure is not None
        assert ("iiq leave" in figure.caption) == said


def test_bits_are_drawn_in_runs() -> None:
    bits = {"word": "a", "bits": 4, "nearest": [["a", "60"], ["b", "b0"]], "furthest": [["c", "00"], ["d", "f0"]]}
    figure = pattern(material([BASE, line("iiq", 100, 0.9)], losses=[], singular_values=[], errors=[], pattern=bits))
    assert figure is not None
    assert re.findall('<path d="([^"]*)"', figure.picture) == ["M1 0.5h2M0 1.5h1M2 1.5h2", "M0 1.5h4"]


def test_lines_that_lie_over_each_other_are_both_seen() -> None:
    same = [line(method, size, size / 100) for method in ("iiq", "sign") for size in (50, 90)]
    lines = [BASE, *same, line("kd", 70, 0.2)]
    figure = pareto(Material(lines, {}, []), ("similarity", "spearman"))
    assert figure is not None
    named = re.findall("</g><text[^>]*>([^<]*)", figure.picture)
    assert sorted(named) == ["iiq", "kd", "sign", "uncompressed 100.0"]
    assert figure.picture.count('stroke-dasharray="8 8"') == 1


def test_what_is_not_drawn_is_said() -> None:
    details = {"singular_values": [0.8, 0.6], "errors": [{"band": "a", "error": 0.1}, {"band": "b", "error": 0.2}]}
    for n_methods, said in (
        (8, ""),
        (10, " Not all are drawn, to keep lines apart: one a method, none of m8, m9."),
    ):
        lines = [BASE, *(line(f"m{number}", 100, 0.9) for number in range(n_methods))]
        figures = all_figures(material(lines, losses=[], loss_kind="a", pattern=None, **details))
        captions = {figure.slug: figure.caption for figure in figures}
        for slug in ("errors", "singular-values"):
            assert captions[slug].partition(" Not all")[2] == said.partition(" Not all")[2]


def test_a_table_marks_the_best_and_promises_what_is_there() -> None:
    source = Source("x.txt", "glove-text", "ab", 10, 2)
    lines = [BASE, line("a", 100, 0.97), line("b", 50, 0.9)]
    page = html_page(Report(source, lines, [], Evaluation([]), ["a note"]))
    assert re.findall("<strong>([^<]*)</strong>", page) == ["97.0", "50", "20.0", "97.0"]
    assert "97\u00a0%" in page
    assert "below it its share of the uncompressed source&#x27;s" in page
    assert "95 % interval" not in page
    heads = re.findall(r'<th scope="col"><button type="button">([^<]*)', page)
    assert heads[:3] == ["method", "bytes", "similarity"]
    assert page.index("What was run</h2>") < page.index("Notes</h2>") < page.index("a note")
    for anchor in re.findall('href="#([^"]*)"', page):
        assert f'id="{anchor}"' in page


def test_curves_too_many_to_tell_apart_are_one_for_each_method() -> None:
    lines = [BASE, *(line(method, 100, 0.9, bits=bits) for method in "abc" for bits in (8, 4, 2))]
    curves = material(lines, losses=[2.0, 1.0]).curves("losses")
    assert len(lines) - 1 > MOST_CURVES
    assert [each.label for each, _ in curves] == ["a bits=8", "b bits=8", "c bits=8"]


@pytest.mark.parametrize("notes", [[], ["<script>alert(1)</script>"]])
def test_a_page_of_one_line_is_a_page(notes: list[str]) -> None:
    source = Source("x.txt", "glove-text", "ab", 10, 2)
    page = html_page(Report(source, [BASE], [], Evaluation([]), notes))
    assert '<ul class="findings"' not in page  # a list without items, closed in itself, would hold all that follows
    assert page.startswith("<!doctype html>")
    assert page.count("<script>") == 1
    assert "10 words of 2 dimensions, 1 kB as float32. 0 ways to compress them" in page
