"""Style sheet of the HTML report: light and dark mode, system fonts, printable."""

STYLE = """
:root { color-scheme:light dark; --ink:#1c2530; --soft:#56636f; --line:#dde3e8; --ground:#f5f7f9; --card:#fff;
  --blue:#0072b2; --orange:#a84300; --green:#00704e; --look:#fdf1e7; --fine:#eaf6f1; --none:#e3e7eb;
  --gap:#d55e00; --new:#c2185b; }
* { box-sizing:border-box; }
body { margin:0; background:var(--ground); color:var(--ink); line-height:1.45; font-size:15px;
  font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif; }
main { max-width:1240px; margin:0 auto; padding:28px 24px 40px; }
header { margin-bottom:22px; }
.brand { margin:0; color:var(--soft); font-size:12.5px; letter-spacing:.09em; text-transform:uppercase; }
h1 { margin:2px 0 0; font-size:28px; line-height:1.2; overflow-wrap:anywhere; }
h2 { margin:0 0 12px; font-size:18px; }
h3 { margin:0; font-size:16px; }
.made { margin:2px 0 12px; color:var(--soft); font-size:13px; }
.summary { margin:12px 0 0; font-size:16px; }
.status { display:inline-block; margin:0 8px 6px 0; padding:4px 12px; border-radius:14px; font-weight:600;
  border:1.5px solid; }
.status.fine { color:var(--green); background:var(--fine); }
.status.look { color:var(--orange); background:var(--look); }
section { background:var(--card); border:1px solid var(--line); border-radius:10px; padding:18px 20px;
  margin-bottom:18px; }
.warnings { border-left:5px solid #e69f00; }
.warnings ul { margin:0; padding-left:20px; }
table { border-collapse:collapse; font-variant-numeric:tabular-nums; }
th, td { padding:5px 10px; border-bottom:1px solid var(--line); text-align:left; vertical-align:top; }
thead th { color:var(--soft); font-weight:600; font-size:12.5px; vertical-align:bottom; }
thead small { display:block; font-weight:400; }
tbody th { font-weight:600; }
.totals { min-width:min(620px,100%); }
.totals td { padding-right:30px; white-space:nowrap; }
.wide { overflow-x:auto; }
.slices { width:100%; font-size:12.5px; }
.slices th, .slices td { padding:5px; }
.slices tbody th { white-space:nowrap; }
.slices tr.quiet td { color:var(--soft); }
.slices tr.flagged { background:var(--look); }
.slices tr.flagged td, .flag { color:var(--orange); }
.flag, .decision { font-size:13px; font-weight:600; }
.decision { color:var(--blue); }
.end { font-weight:400; font-size:.85em; color:var(--soft); border:1px solid var(--line); border-radius:8px;
  padding:0 6px; }
.note { margin:12px 0 0; color:var(--soft); font-size:13px; }
.legend { margin:0 0 6px; color:var(--soft); font-size:13px; display:flex; flex-wrap:wrap; gap:6px 18px; }
.legend + .note { margin:0 0 8px; }
.legend i { display:inline-block; width:15px; height:15px; margin-right:6px; border-radius:3px; vertical-align:-2px; }
i.wall { border:3px solid #d8c70e; background:#333; }
i.added { background:#56b4e9; }
i.removed { background:repeating-linear-gradient(135deg,#e67814 0 4px,#000 4px 5.5px); }
.maps { display:flex; flex-wrap:wrap; gap:8px 28px; margin-bottom:10px; }
.map { flex:1 1 280px; max-width:480px; }
.map svg { display:block; width:100%; height:auto; }
.map text { font-size:11px; text-anchor:middle; dominant-baseline:central; fill:#111; stroke:#fff; stroke-width:2.5px;
  paint-order:stroke; }
.map .name { fill:var(--soft); stroke:none; font-size:11px; }
.map .slice { fill:none; stroke:var(--card); stroke-width:.8; }
.map .aha { fill:none; stroke:#111; stroke-width:1.6; }
.map .new { fill:none; stroke:var(--new); stroke-width:3; }
.t0 { fill:#fde725; background:#fde725; } .t1 { fill:#90d743; background:#90d743; }
.t2 { fill:#35b779; background:#35b779; } .t3 { fill:#21918c; background:#21918c; }
.t4 { fill:#31688e; background:#31688e; } .t5 { fill:#443983; background:#443983; }
.t6 { fill:#440154; background:#440154; }
.map .gap { fill:var(--gap); } i.gap { background:var(--gap); }
.map .none { fill:var(--none); } i.none { background:var(--none); }
.legend i.new { height:4px; background:var(--new); border-radius:0; vertical-align:3px; }
.card { padding:16px 0 6px; border-top:1px solid var(--line); break-inside:avoid; }
.card.flagged { border-left:5px solid #e69f00; padding-left:14px; }
.verdict { font-weight:400; color:var(--soft); margin-left:4px; }
.facts, .reason { margin:3px 0 0; font-size:13.5px; }
.facts { color:var(--soft); }
.panes { display:grid; grid-template-columns:repeat(4,minmax(0,1fr)); gap:12px; margin-top:10px; }
figure { margin:0; }
figure img { width:100%; height:auto; display:block; border-radius:6px; background:#000; }
figcaption { margin-top:4px; font-size:12.5px; color:var(--soft); }
.provenance { display:grid; grid-template-columns:repeat(2,minmax(0,1fr)); gap:0 36px; }
.provenance h2 { grid-column:1/-1; }
dl { margin:0; display:grid; grid-template-columns:max-content minmax(0,1fr); gap:4px 16px; align-content:start;
  font-size:13.5px; }
dt { color:var(--soft); }
dd { margin:0; overflow-wrap:anywhere; }
footer { color:var(--soft); font-size:13px; }
@media screen and (prefers-color-scheme:dark) {
  :root { --ink:#e4e9ee; --soft:#a3afba; --line:#38424c; --ground:#14181c; --card:#1d2329; --blue:#6cb8ea;
    --orange:#ffab6b; --green:#5fd3a8; --look:#3a2a1c; --fine:#16332a; --none:#39424b; --gap:#f0803c; --new:#ff7eb3; }
  .map .aha { stroke:#fff; }
}
@media (max-width:720px) {
  main { padding:18px 10px 28px; }
  section { padding:14px 12px; }
  h1 { font-size:23px; }
  .totals { min-width:0; width:100%; font-size:13px; }
  .totals th, .totals td { padding:5px 3px; white-space:normal; }
  .panes { grid-template-columns:repeat(2,minmax(0,1fr)); }
  .provenance { grid-template-columns:minmax(0,1fr); gap:18px; }
  dl { grid-template-columns:minmax(0,2fr) minmax(0,3fr); }
}
@page { margin:12mm; }
@media print {
  * { print-color-adjust:exact; -webkit-print-color-adjust:exact; }
  body { background:#fff; font-size:11px; }
  main { max-width:none; padding:0; }
  section { border:0; padding:0 0 8px; }
  .wide { overflow:visible; }
  .summary { font-size:13px; }
  .slices, .slices th { font-size:8px; }
  .note, .legend, .facts, .reason, figcaption, dl { font-size:10px; }
  .slices th, .slices td { padding:3px 2px; }
  .panes { grid-template-columns:repeat(4,minmax(0,1fr)); }
  .map { flex:0 1 80mm; }
  .warnings, .card.flagged { padding-left:12px; border-left:4px solid #e69f00; }
  tr, dl, .warnings, .maps { break-inside:avoid; }
  h2 { break-after:avoid; }
}
"""
