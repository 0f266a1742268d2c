"""The page's looks: one style sheet, light and dark, that touches nothing outside the report."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
.ragged-report{--bg:#fff;--fg:#1c2128;--soft:#5c6672;--line:#d9dee4;--panel:#f6f8fa;--good:#14703a;--bad:#b3261e;
  --warn:#8a5a00;
--good-bg:#e2f4e8;--bad-bg:#fde7e5;--warn-bg:#fbf0d9;--c0:#2a6fd6;--c1:#d9730d;--c2:#7a4fc9;--c3:#16877a;
  --c4:#c0337a;--c5:#6b7280;
background:var(--bg);color:var(--fg);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
@media (prefers-color-scheme:dark){.ragged-report{--bg:#14181d;--fg:#e3e7ec;--soft:#98a3b0;--line:#333b45;
  --panel:#1c2229;
--good:#6fd394;--bad:#ff8f86;--warn:#e8bb62;--good-bg:#153524;--bad-bg:#45201d;--warn-bg:#3b2f14;--c0:#6ea8ff;
  --c1:#ff9f4a;--c2:#b596f5;
--c3:#4cc9b8;--c4:#f27bb1;--c5:#a7b0bc;color-scheme:dark}}
.ragged-report *{box-sizing:border-box}
.ragged-report main,.ragged-report header,.ragged-report footer{max-width:1120px;margin:0 auto;padding:0 24px}
.ragged-report header{padding-top:32px}
.ragged-report h1{font-size:26px;margin:0 0 4px;line-height:1.25}
.ragged-report h2{font-size:20px;margin:0 0 6px;display:flex;gap:12px;align-items:center;flex-wrap:wrap}
.ragged-report h3{font-size:16px;margin:26px 0 8px}
.ragged-report h4{font-size:14px;margin:18px 0 6px;font-weight:600}
.ragged-report p{margin:4px 0 12px}
.ragged-report .soft{color:var(--soft)}
.ragged-report section{border:1px solid var(--line);border-radius:10px;padding:20px 22px 24px;margin:22px 0}
.ragged-report .badge{font-size:12.5px;font-weight:600;border-radius:999px;padding:2px 10px;white-space:nowrap}
.ragged-report .agrees{color:var(--good);background:var(--good-bg)}
.ragged-report .disagrees,.ragged-report .failed{color:var(--bad);background:var(--bad-bg)}
.ragged-report .unavailable{color:var(--warn);background:var(--warn-bg)}
.ragged-report .verdict{font-size:16px}
.ragged-report .wide{overflow-x:auto}
.ragged-report table{border-collapse:collapse;font-size:13.5px;width:100%;color:inherit;margin:0}
.ragged-report th{text-align:right;font-weight:600;color:var(--soft);background:none;padding:6px 10px;
  border-bottom:1px solid var(--line);
vertical-align:bottom}
.ragged-report td{text-align:right;padding:6px 10px;border-bottom:1px solid var(--line);
  font-variant-numeric:tabular-nums;
vertical-align:top;background:none}
.ragged-report th.l,.ragged-report td.l{text-align:left}
.ragged-report tbody tr:last-child td{border-bottom:0}
.ragged-report code,.ragged-report td.n,.ragged-report pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,
  "Liberation Mono",monospace}
.ragged-report td.n{font-size:12.5px;text-align:left;overflow-wrap:anywhere;min-width:120px}
.ragged-report code{font-size:12.5px;color:var(--soft);overflow-wrap:anywhere}
.ragged-report table.pairs{width:auto;min-width:55%}
.ragged-report td .off,.ragged-report td.off{color:var(--bad);font-weight:600}
.ragged-report tr.differs td{background:var(--bad-bg)}
.ragged-report .key{display:inline-flex;align-items:center;gap:6px;white-space:nowrap}
.ragged-report .key i{width:10px;height:10px;border-radius:50%;display:inline-block}
.ragged-report .bar{display:inline-block;height:8px;border-radius:2px;min-width:1px;vertical-align:middle;
  margin-left:8px}
.ragged-report td.time{white-space:nowrap}
.ragged-report .figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(420px,100%),1fr));gap:16px;
  margin:12px 0}
.ragged-report figure{margin:0;border:1px solid var(--line);border-radius:8px;padding:10px 12px}
.ragged-report figcaption{font-size:12.5px;color:var(--soft);margin-bottom:4px}
.ragged-report svg{width:100%;height:auto;display:block}
.ragged-report svg text{fill:var(--soft);font-size:13px;stroke:var(--bg);stroke-width:3px;paint-order:stroke}
.ragged-report .grid{stroke:var(--line);stroke-width:1}
.ragged-report .limit{stroke:var(--fg);stroke-width:1;stroke-dasharray:4 3}
.ragged-report .disc{fill:var(--k)}
.ragged-report .ring{fill:none;stroke:var(--k);stroke-width:1.2}
.ragged-report .range,.ragged-report .stem{stroke:var(--k);stroke-width:2;stroke-opacity:.75}
.ragged-report .stem.over{stroke-opacity:1;stroke-width:3}
.ragged-report details{margin:12px 0;border:1px solid var(--line);border-radius:8px;padding:8px 12px}
.ragged-report summary{cursor:pointer;font-weight:600}
.ragged-report pre{font-size:12.5px;overflow-x:auto;background:var(--panel);color:inherit;padding:10px 12px;
  border-radius:6px;margin:8px 0 4px}
.ragged-report ul.contents{padding-left:20px;margin:8px 0}
.ragged-report ul.contents a{color:var(--c0)}
.ragged-report footer{padding-bottom:40px;font-size:13.5px}
.ragged-report dl{display:flex;flex-wrap:wrap;gap:4px 22px;margin:6px 0}
.ragged-report dl div{display:flex;gap:6px}
.ragged-report dt{color:var(--soft)}
.ragged-report dd{margin:0;font-variant-numeric:tabular-nums}
.ragged-report .c0{--k:var(--c0)}.ragged-report .c1{--k:var(--c1)}.ragged-report .c2{--k:var(--c2)}
.ragged-report .c3{--k:var(--c3)}.ragged-report .c4{--k:var(--c4)}.ragged-report .c5{--k:var(--c5)}
.ragged-report i.c0,.ragged-report i.c1,.ragged-report i.c2,.ragged-report i.c3,.ragged-report i.c4,
  .ragged-report i.c5,
.ragged-report .bar{background:var(--k)}
"""
