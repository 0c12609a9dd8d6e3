"""The look of a report's page: one style sheet, as text. Colours are those of Okabe and Ito (2008).

Their palette is told apart with every common colour vision. Levels differ in shape and wording as well.
"""

from __future__ import annotations

_COLOURS = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --soft: #f5f7f8; --ink: #1a2026; --quiet: #5a6672; --hair: #dde3e8; --rule: #8b97a2;
  --accent: #005a8c; --normal: #66727d; --notice: #0072b2; --warning: #e69f00; --alarm: #c24a00;
  --normal-tint: #eef1f3; --notice-tint: #e3f0f8; --warning-tint: #fdf2d9; --alarm-tint: #fbe6db;
  --on0: #ffffff; --on-alarm: #ffffff; --notice-ink: #00517f; --warning-ink: #6b4a00; --alarm-ink: #8f3400;
  --c0: #0072b2; --c1: #e69f00; --c2: #009e73; --c3: #cc79a7; --c4: #56b4e9; --c5: #d55e00; --c6: #e3d52f;
  --c7: #6d7680;
  --t0: #005f95; --t1: #8a5f00; --t2: #00704f; --t3: #9c4876; --t4: #1f719f; --t5: #ad4c00; --t6: #6f6600;
  --t7: #57606a;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14181c; --soft: #1c2227; --ink: #e5e9ed; --quiet: #a0abb5; --hair: #2c343b; --rule: #6d7984;
    --accent: #7cc0ea; --normal: #8a97a3; --notice: #3f9fda; --warning: #e8a917; --alarm: #e8702a;
    --normal-tint: #262d33; --notice-tint: #16303f; --warning-tint: #37290b; --alarm-tint: #41200f;
    --on0: #0d1114; --on-alarm: #1a0d05; --notice-ink: #8fcbf0; --warning-ink: #f3c765; --alarm-ink: #f7aa80;
    --c0: #2b8cc9; --c7: #8d97a1;
    --t0: #6bb6e6; --t1: #edb53f; --t2: #35c49b; --t3: #dd98bd; --t4: #7cc6f0; --t5: #f08a43; --t6: #e8dd55;
    --t7: #aeb7c0;
  }
}
"""

_PAGE = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
body::before { content: ""; display: block; height: 4px; background: var(--accent); }
header, main, footer { max-width: 928px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 40px; }
h1 { font-size: 32px; line-height: 1.2; letter-spacing: -0.012em; margin: 0 0 6px; font-weight: 680;
  text-wrap: balance; }
h2 { font-size: 20px; line-height: 1.3; margin: 0 0 12px; font-weight: 640; letter-spacing: -0.005em; }
p { margin: 0 0 12px; max-width: 72ch; white-space: pre-line; text-wrap: pretty; }
.made { color: var(--quiet); font-size: 14px; margin-bottom: 20px; }
.lead { font-size: 18px; line-height: 1.55; margin-bottom: 0; }
section { margin: 44px 0 0; scroll-margin-top: 16px; }
.note, .empty { color: var(--quiet); font-size: 14px; margin: 10px 0 0; }
.empty { border: 1px dashed var(--hair); padding: 16px; border-radius: 4px; max-width: none; }
nav { margin: 28px 0 0; padding: 14px 0 0; border-top: 1px solid var(--hair); font-size: 15px; }
nav h2 { font-size: 13px; color: var(--quiet); margin: 0 0 4px; font-weight: 600; }
nav ol { margin: 0; padding: 0; list-style: none; columns: 16em 3; column-gap: 28px; }
nav li { padding: 3px 0; break-inside: avoid; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 3px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
.badge {
  display: inline-block; padding: 0 8px; border-radius: 3px; font-size: 13px; line-height: 20px; font-weight: 600;
  background: var(--normal-tint); color: var(--ink); overflow-wrap: anywhere;
}
.badge svg { width: 11px; height: 11px; margin: 0 6px 0 0; vertical-align: -0.5px; }
.badge path[class] { fill: currentColor; stroke: none; }
.aside { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.badge.notice { background: var(--notice-tint); color: var(--notice-ink); }
.badge.warning { background: var(--warning-tint); color: var(--warning-ink); }
.badge.alarm { background: var(--alarm); color: var(--on-alarm); }
.callout { border-left: 4px solid var(--notice); background: var(--soft); padding: 16px 20px 6px;
  border-radius: 0 4px 4px 0; }
.callout.warning { border-color: var(--warning); }
.callout.alarm { border-color: var(--alarm); }
h2 .badge { vertical-align: 3px; margin-left: 8px; letter-spacing: 0; }
footer { margin-top: 56px; padding-bottom: 40px; color: var(--quiet); font-size: 13px; }
footer > div { border-top: 1px solid var(--hair); padding-top: 16px; }
footer h2 { font-size: 13px; margin: 0 0 8px; color: var(--ink); }
footer dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 20px; margin: 0 0 16px; }
footer dt, footer dd { margin: 0; overflow-wrap: anywhere; }
footer dd { color: var(--ink); font-variant-numeric: tabular-nums; }
"""

_FIGURES = """
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1px; margin: 0;
  padding: 1px; }
.figures > div { box-shadow: 0 0 0 1px var(--hair), inset 0 3px var(--edge, transparent); padding: 14px 16px 13px;
  min-width: 0; display: grid; grid-row: span 3;
  grid-template-rows: subgrid; row-gap: 0; align-items: start; }
.figures dt { color: var(--quiet); font-size: 14px; line-height: 1.35; }
.figures dd { margin: 0; }
.figures .value { font-size: 28px; line-height: 1.3; font-weight: 620; letter-spacing: -0.015em;
  overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }
.figures .value.long { font-size: 15px; line-height: 1.25; letter-spacing: 0; }
.figures .small { color: var(--quiet); font-size: 13px; line-height: 1.4; }
.figures .badge { margin-top: 6px; }
.figures .l-notice { --edge: var(--notice); }
.figures .l-warning { --edge: var(--warning); }
.figures .l-alarm { --edge: var(--alarm); }
"""

_TABLES = """
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 15px; line-height: 1.4; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 12px; text-align: left; vertical-align: top; border-bottom: 1px solid var(--hair); }
th:first-child, td:first-child { padding-left: 8px; }
th:last-child, td:last-child { padding-right: 8px; }
thead th { font-size: 13px; font-weight: 600; color: var(--quiet); border-bottom: 1px solid var(--rule);
  vertical-align: bottom; }
tbody th { font-weight: inherit; }
.number, .share { text-align: right; white-space: nowrap; }
.time { white-space: nowrap; }
.share [style] { display: inline-flex; align-items: center; justify-content: space-between; min-width: 7.9em; }
.share [style]::before { content: ""; flex: none; width: 56px; height: 8px; margin-right: 10px;
  border-radius: 1px;
  background: linear-gradient(var(--notice), var(--notice)) 0 / var(--part) 100% no-repeat var(--hair); }
.share ~ .share [style] { min-width: 0; }
.share ~ .share [style]::before { display: none; }
thead .number, thead .share { white-space: normal; }
.unit { font-weight: 400; }
.none { color: var(--quiet); }
tr.notice > :first-child { box-shadow: inset 4px 0 var(--notice); }
tr.warning > :first-child { box-shadow: inset 4px 0 var(--warning); }
tr.alarm > :first-child { box-shadow: inset 4px 0 var(--alarm); }
tr.notice > :first-child, tr.warning > :first-child, tr.alarm > :first-child { padding-left: 14px; }
tr.warning, tr.alarm { background: var(--soft); }
tbody th, tbody td:first-child { min-width: 7.5em; }
td .badge { white-space: nowrap; }
tbody th .badge, tbody td:first-child .badge { white-space: nowrap; margin-left: 2px; padding: 0 6px;
  font-size: 12px; line-height: 18px; }
details { margin: 12px 0 0; font-size: 14px; }
details table { font-size: 14px; margin-top: 8px; }
details th, details td { padding-top: 4px; padding-bottom: 4px; }
summary { color: var(--quiet); cursor: pointer; width: max-content; max-width: 100%; }
summary:hover { color: var(--ink); }
"""

_GALLERY = """
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(196px, 1fr)); gap: 24px 20px; margin: 0;
  padding: 0;
  list-style: none; }
.gallery + .note { margin-top: 20px; }
figure { margin: 0; min-width: 0; }
.tile { aspect-ratio: 4 / 3; background: var(--soft); border-radius: 3px; overflow: hidden; display: flex;
  align-items: center; justify-content: center; position: relative; }
.tile img { width: 100%; height: 100%; object-fit: contain; display: block; }
.tile p { color: var(--quiet); font-size: 13px; line-height: 1.4; text-align: center; padding: 0 20px; margin: 0; }
.tile.gone { border: 1px dashed var(--rule); background: none; }
figcaption { font-size: 14px; line-height: 1.4; padding-top: 8px; }
figcaption .badge { margin-bottom: 4px; }
figcaption .caption { display: block; }
figcaption .badge { display: table; }
figcaption bdi span { display: inline-block; max-width: 100%; }
figcaption bdi { display: block; color: var(--quiet); font-size: 12px; overflow-wrap: anywhere; margin-top: 2px; }
"""

_DRAWINGS = """
.drawing { display: block; width: 100%; height: auto; font-family: inherit; overflow: visible; }
.narrow, .legend.narrow { display: none; }
.drawing text { font-size: 13px; fill: var(--ink); font-variant-numeric: tabular-nums; }
.drawing .tick { fill: var(--quiet); font-size: 12px; }
.drawing .strong { fill: var(--ink); font-weight: 600; }
.drawing .value { font-size: 12px; }
.grid { stroke: var(--hair); stroke-width: 1; }
.zero { stroke: var(--rule); stroke-width: 1; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 0 0 12px; padding: 0;
  font-size: 14px; }
.legend li { display: inline-flex; align-items: center; gap: 6px; min-width: 0; overflow-wrap: anywhere; }
.legend svg { flex: none; }
.legend .when { color: var(--quiet); margin-left: auto; }
.ground { fill: var(--soft); stroke: var(--hair); }
.ruler { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.north { fill: var(--ink); }
.drawing .name { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; stroke-linejoin: round; }
.drawing .ground ~ .name { stroke: var(--soft); }
.drawing .group { font-weight: 620; }
.l-normal { fill: var(--normal); } .l-notice { fill: var(--notice); }
.l-warning { fill: var(--warning); } .l-alarm { fill: var(--alarm); }
path[class^="l-"] { stroke: var(--paper); stroke-width: 1; paint-order: stroke; }
.drawing .in-normal, .drawing .in-notice { fill: var(--on0); }
.drawing .in-alarm { fill: var(--on-alarm); }
.drawing .in-warning { fill: #1a2026; }
.drawing rect[class^="s"] { stroke: var(--paper); stroke-width: 1; }
.line { fill: none !important; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
.dot { stroke: var(--paper); stroke-width: 1; }
.loose { fill-opacity: 0.5; stroke: var(--paper); stroke-width: 0.5; }
.again { fill-opacity: 0.5; } .drawing text.again { fill: var(--ink); fill-opacity: 1; }
.line.again { stroke-dasharray: 6 5; }
"""

_PHONE = """
@media screen and (max-width: 699px) {
  header, main, footer { padding: 0 16px; }
  header { padding-top: 24px; }
  footer { padding-bottom: 32px; }
  h1 { font-size: 25px; }
  h2 { font-size: 18px; }
  .lead { font-size: 17px; }
  section { margin-top: 36px; }
  .wide { display: none; }
  .narrow { display: block; }
  .legend.narrow { display: flex; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .figures > div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .figures > div { padding: 12px 12px 11px; }
  .figures .value { font-size: 24px; }
  .figures .value.long { padding: 4px 0; }
  .gallery { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 18px 12px; }
  .legend .when { margin-left: 0; }
  footer dl { grid-template-columns: 1fr; gap: 0; }
  footer dd { margin-bottom: 8px; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack, .stack tbody, .stack tr { display: block; }
  .stack tr { padding: 10px 0 10px; border-bottom: 1px solid var(--hair); }
  .stack tr.notice, .stack tr.warning, .stack tr.alarm { padding-left: 14px; box-shadow: inset 4px 0 var(--notice); }
  .stack tr.warning { box-shadow: inset 4px 0 var(--warning); }
  .stack tr.alarm { box-shadow: inset 4px 0 var(--alarm); }
  .stack tr > :first-child { display: block; font-size: 16px; padding: 0 0 4px; box-shadow: none; }
  .stack td:not(:first-child) { display: flex; justify-content: space-between; gap: 16px; border: 0;
    padding: 1px 8px 1px 0;
    text-align: right; white-space: normal; }
  .stack th { border: 0; }
  .stack td[data-name]:not(:first-child)::before { content: attr(data-name); color: var(--quiet); text-align: left;
    flex: none;
    max-width: 50%; }
  table:not(.stack) .share [style]::before { display: none; }
  table:not(.stack) .share [style] { min-width: 0; }
}
"""

_PAPER = """
@page { size: A4; margin: 16mm 14mm; }
@media print {
  body { font-size: 10.5pt; }
  body::before, nav, details { display: none; }
  header, main, footer { max-width: none; padding: 0; }
  header { padding-top: 0; }
  h1 { font-size: 20pt; }
  h2 { font-size: 13pt; break-after: avoid; }
  .lead { font-size: 11.5pt; }
  section { margin-top: 9mm; }
  .figures > div, .gallery li, tr, .drawing, .callout { break-inside: avoid; }
  .legend { break-after: avoid; }
  .gallery { grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 5mm; }
  .figures { grid-template-columns: repeat(auto-fit, minmax(112px, 1fr)); }
  .figures > div { padding: 8pt; }
  table { font-size: 9.5pt; }
  thead { display: table-header-group; }
  .scroll { overflow: visible; }
  a { color: inherit; text-decoration: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""


def style_sheet() -> str:
    """The whole style sheet."""
    series = "".join(
        f".s{n} {{ fill: var(--c{n}); stroke: var(--c{n}); }} .drawing .t-s{n} {{ fill: var(--t{n}); }} "
        f".drawing .on-s{n} {{ fill: {'var(--on0)' if n in (0, 7) else '#12161a'}; }}\n"
        for n in range(8)
    )
    parts = (_COLOURS, _PAGE, _FIGURES, _TABLES, _GALLERY, series, _DRAWINGS, _PHONE, _PAPER)
    return "\n".join(parts)
