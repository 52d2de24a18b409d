"""A report as one page for a browser: no script, no link to anything outside, pictures and charts inside."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from typing import Final

from nesqc_gmp.reports.chart import (
    HEIGHT,
    SCALE_HEIGHT,
    TALLY_HEIGHT,
    WIDTH,
    Area,
    Line,
    Shape,
    Words,
    draw,
    draw_scale,
    draw_tally,
)
from nesqc_gmp.reports.document import (
    VERDICTS,
    Block,
    Chart,
    ColourScale,
    Cover,
    Document,
    Facts,
    Heading,
    Paragraph,
    Picture,
    PictureGrid,
    SignatureCard,
    Signatures,
    Table,
    Tally,
    card_lines,
    is_digest,
    tally_words,
)

_STYLE: Final = """
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:#16191d;background:#fff;margin:0 auto;
max-width:72rem;padding:1.5rem}p{max-width:54rem}
h1{font-size:1.7rem;line-height:1.2;margin:.2rem 0}h2{font-size:1.15rem;color:#0c3b5e;margin:2rem 0 .4rem;
border-top:1px solid #c6ccd2;padding-top:1rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}
p.sub{color:#5b6570;margin:.2rem 0 1rem}p.mark{color:#a51d24;font-weight:600;border:1px solid #a51d24;
padding:.3rem .6rem;display:inline-block;margin:0 0 .6rem}
div.scroll{overflow-x:auto;margin:.4rem 0}table{border-collapse:collapse;font-size:.86rem;min-width:50%}
th,td{padding:.3rem .55rem;text-align:left;vertical-align:top;border-bottom:1px solid #dfe4e8}
th{background:#0c3b5e;color:#fff;vertical-align:bottom;line-height:1.3;print-color-adjust:exact;
-webkit-print-color-adjust:exact}
td{min-width:5.5rem;overflow-wrap:break-word}td:first-child{min-width:9rem}td.n,td.v{min-width:0}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.n,td.v{white-space:nowrap}
td.passed{color:#14683a}td.failed{color:#a51d24;font-weight:700}td.not-executed{color:#8a5a00;font-weight:700}
td.passed::before{content:"\\2713\\a0"}td.failed::before{content:"\\2717\\a0"}
td.not-executed::before{content:"\\2016\\a0"}td.digest{font-family:ui-monospace,monospace;font-size:.92em;
overflow-wrap:anywhere}span.verdict{float:right;font-size:.8rem;border:1.5px solid;padding:0 .5rem;font-weight:700}
span.passed{color:#14683a;font-weight:400}span.failed{color:#fff;background:#a51d24;border-color:#a51d24;
print-color-adjust:exact;-webkit-print-color-adjust:exact}span.not-executed{color:#8a5a00;border-style:dashed}
header{display:flex;justify-content:space-between;gap:1rem;border-bottom:2px solid #0c3b5e;padding-bottom:.5rem;
margin-bottom:1rem}header b{color:#0c3b5e;font-size:1.05rem}header div:last-child{text-align:right}
header small,div.card small{display:block;color:#5b6570}
div.panel{background:#f2f5f8;border-left:6px solid;padding:.7rem 1rem;margin:.6rem 0;display:flex;gap:1.2rem;
align-items:center}div.panel b.word{font-size:1.25rem;min-width:11rem}div.panel p{margin:.15rem 0}
div.good{border-color:#14683a}div.good b.word{color:#14683a}div.bad{border-color:#a51d24}div.bad b.word{color:#a51d24}
div.open{border-color:#8a5a00}div.open b.word{color:#8a5a00}
div.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.6rem;margin:.6rem 0}
div.card{border:1px solid #c6ccd2;padding:.5rem .7rem;font-size:.86rem}div.card.missing{border-style:dashed}
div.card b{color:#0c3b5e;display:block}
tbody tr:nth-child(even){background:#f6f8fa}
table.facts{width:100%}table.facts tr{background:none}
table.facts td:first-child{color:#5b6570;width:34%}table.facts td+td{overflow-wrap:anywhere}
p.caption,figcaption{color:#5b6570;font-size:.8rem;margin:.2rem 0 .8rem}
figure{margin:.6rem 0}svg{width:100%;max-width:46rem;height:auto}img{max-width:100%;height:auto;display:block}
div.grid{display:grid;gap:.6rem}
@media (max-width:60rem){body{padding:1rem;font-size:14px}table{font-size:.8rem}th,td{padding:.25rem .35rem}
td{min-width:4.5rem}td:first-child{min-width:7rem}td.n,td.v{min-width:0}}
@media print{@page{size:A4;margin:14mm}body{max-width:none;padding:0;font-size:9.5pt}table{font-size:7.4pt}
th,td{padding:.15rem .3rem}td{min-width:0}td:first-child{min-width:7rem}div.scroll{overflow:visible}
p.caption,figcaption{font-size:7.4pt}
td.n,td.v{white-space:normal}h2,h3{break-after:avoid}tr,figure{break-inside:avoid}svg{max-width:15cm}}
"""


def render_html(document: Document) -> str:
    """The page; the same document gives the same text."""
    body = "\n".join(_block(block) for block in document.blocks)
    mark = f'<p class="mark">{escape(document.mark)}</p>' if document.mark else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(document.title)}</title><style>{_STYLE}</style></head><body>\n"
        f"{_header(document.cover)}{mark}<h1>{escape(document.title)}</h1>"
        f'<p class="sub">{escape(document.subtitle)}</p>\n'
        f"{_panel(document.cover)}{_facts(document.facts)}\n{body}\n</body></html>\n"
    )


def _header(cover: Cover | None) -> str:
    if cover is None:
        return ""
    notes = "".join(f"<small>{escape(note)}</small>" for note in cover.notes)
    return (
        f"<header><div><b>{escape(cover.site)}</b><small>{escape(cover.address)}</small></div>"
        f"<div><small>{escape(cover.kind)}</small><b>{escape(cover.number)}</b>{notes}</div></header>\n"
    )


def _panel(cover: Cover | None) -> str:
    if cover is None:
        return ""
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in cover.sentences)
    word = f'<b class="word">{escape(cover.word)}</b>'
    digest = f"content sha256 {cover.content_sha256}"
    return f'<div class="panel {cover.tone}">{word}<div>{said}</div></div><p class="caption">{digest}</p>\n'


def _cards(signatures: Signatures) -> str:
    return f'<div class="cards">{"".join(map(_card, signatures.cards))}</div>'


def _card(card: SignatureCard) -> str:
    first, *rest = card_lines(card)
    missing = "" if card.name else " missing"
    lines = "".join(f"<small>{escape(line)}</small>" for line in rest)
    return f'<div class="card{missing}"><b>{escape(first)}</b>{lines}</div>'


def svg(chart: Chart) -> str:
    """A chart as SVG."""
    return _svg(draw(chart), HEIGHT, chart.title)


def _svg(shapes: Iterable[Shape], height: float, name: str) -> str:
    inside = "".join(map(_shape, shapes))
    return f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(name)}">{inside}</svg>'


def _block(block: Block) -> str:
    match block:
        case Heading():
            tag = f"h{block.level + 1}"
            verdict = f'<span class="verdict {_class(block.verdict)}">{escape(block.verdict)}</span>'
            return f"<{tag}>{escape(block.text)}{verdict if block.verdict else ''}</{tag}>"
        case Paragraph():
            return f"<p>{escape(block.text)}</p>"
        case Facts():
            return _facts(block.rows)
        case Table():
            return _table(block)
        case Chart():
            return f"<figure>{svg(block)}{_caption(block.caption)}</figure>"
        case ColourScale():
            return f"<figure>{_svg(draw_scale(block), SCALE_HEIGHT, 'Colours of the heat maps')}</figure>"
        case Picture():
            return _picture(block, block.width)
        case Tally():
            name = ", ".join(tally_words(block))
            return f"<figure>{_svg(draw_tally(block), TALLY_HEIGHT, name)}</figure>"
        case Signatures():
            return _cards(block)
        case PictureGrid():
            inside = "".join(_picture(picture, 1.0) for picture in block.pictures)
            return f'<div class="grid" style="grid-template-columns:repeat({block.columns},1fr)">{inside}</div>'


def _facts(rows: tuple[tuple[str, str], ...]) -> str:
    lines = "".join(
        f"<tr><td>{escape(name)}</td><td{_marked('', value)}>{escape(value)}</td></tr>" for name, value in rows
    )
    return f'<div class="scroll"><table class="facts">{lines}</table></div>' if rows else ""


def _table(table: Table) -> str:
    kinds = [_kind(table, column) for column in range(len(table.head))]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, table.head, strict=True))
    rows = "".join(
        "<tr>"
        + "".join(f"<td{_marked(kind, cell)}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in table.rows
    )
    caption = f'<p class="caption">{escape(table.caption)}</p>' if table.caption else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{caption}'


def _kind(table: Table, column: int) -> str:
    if column == table.verdict:
        return ' class="v"'
    return ' class="n"' if column in table.numbers else ""


def _marked(kind: str, cell: str) -> str:
    """A verdict is marked by what it says, a digest by how it looks."""
    if is_digest(cell):
        return ' class="digest"'
    return f' class="v {_class(cell)}"' if kind == ' class="v"' and cell in VERDICTS else kind


def _class(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _picture(picture: Picture, share: float) -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    image = f'<img alt="{escape(picture.caption)}" src="data:image/png;base64,{data}" style="width:{share:.0%}">'
    return f"<figure>{image}{_caption(picture.caption)}</figure>"


def _caption(text: str) -> str:
    return f"<figcaption>{escape(text)}</figcaption>" if text else ""


def _shape(shape: Shape) -> str:
    match shape:
        case Line():
            dash = f' stroke-dasharray="{" ".join(f"{part:g}" for part in shape.dash)}"' if shape.dash else ""
            return (
                f'<polyline points="{_points(shape.points)}" fill="none" stroke="{shape.colour}" '
                f'stroke-width="{shape.width:g}"{dash}/>'
            )
        case Area():
            return f'<polygon points="{_points(shape.points)}" fill="{shape.colour}" fill-opacity="{shape.opacity:g}"/>'
        case Words():
            x, y = shape.place
            turn = "" if shape.upright else f' transform="rotate(-90 {x:g} {y:g})"'
            weight = ' font-weight="600"' if shape.bold else ""
            return (
                f'<text x="{x:g}" y="{y:g}" font-size="{shape.size:g}" fill="{shape.colour}" '
                f'text-anchor="{shape.anchor}"{weight}{turn}>{escape(shape.text)}</text>'
            )


def _points(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
