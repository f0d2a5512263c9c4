"""The style sheet of the HTML report: light, system fonts, colours anyone can tell apart, fit to be printed."""

STYLE = """
:root { --ink:#1c2530; --soft:#5b6875; --line:#dde3e8; --ground:#f5f7f9; --blue:#0072b2; --orange:#b34a00;
  --green:#00704e; }
* { box-sizing:border-box; }
body { margin:0; background:var(--ground); color:var(--ink); line-height:1.45; font-size:15px;
  font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif; }
main { max-width:1180px; margin:0 auto; padding:28px 24px 40px; }
header { margin-bottom:22px; }
.brand { margin:0; color:var(--soft); font-size:12.5px; letter-spacing:.09em; text-transform:uppercase; }
h1 { margin:2px 0 8px; font-size:28px; line-height:1.2; overflow-wrap:anywhere; }
h2 { margin:0 0 12px; font-size:18px; }
h3 { margin:0; font-size:16px; }
.summary { margin:0 0 12px; font-size:17px; }
.status { display:inline-block; margin:0; padding:4px 12px; border-radius:14px; font-weight:600; border:1.5px solid; }
.status.fine { color:var(--green); background:#eaf6f1; }
.status.look { color:var(--orange); background:#fdf1e7; }
section { background:#fff; border:1px solid var(--line); border-radius:10px; padding:18px 20px; margin-bottom:18px; }
.warnings { border-left:5px solid #e69f00; }
.warnings ul { margin:0; padding-left:20px; }
table { border-collapse:collapse; font-variant-numeric:tabular-nums; }
th, td { padding:5px 10px; border-bottom:1px solid var(--line); text-align:left; vertical-align:top; }
thead th { color:var(--soft); font-weight:600; font-size:12.5px; vertical-align:bottom; }
thead small { display:block; font-weight:400; }
tbody th { font-weight:600; }
.totals { min-width:min(560px,100%); }
.totals td { padding-right:34px; white-space:nowrap; }
.wide { overflow-x:auto; }
.slices { width:100%; font-size:13.5px; }
.slices th, .slices td { padding:5px 7px; }
.slices td:nth-child(8) { min-width:118px; }
.slices tr.quiet td { color:var(--soft); }
.slices tr.flagged { background:#fdf1e7; }
.slices tr.flagged td, .flag { color:var(--orange); }
.flag, .decision { font-size:13px; font-weight:600; }
.decision { color:var(--blue); }
.note { margin:12px 0 0; color:var(--soft); font-size:13px; }
.legend { margin:0 0 6px; color:var(--soft); font-size:13px; display:flex; flex-wrap:wrap; gap:6px 22px; }
.legend i { display:inline-block; width:15px; height:15px; margin-right:7px; border-radius:3px; vertical-align:-2px; }
i.wall { border:3px solid #d8c70e; background:#333; }
i.added { background:#56b4e9; }
i.removed { background:repeating-linear-gradient(135deg,#e67814 0 4px,#000 4px 5.5px); }
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
@media (max-width:720px) {
  .totals { min-width:0; width:100%; font-size:14px; }
  .totals th, .totals td { padding:5px 4px; }
  .panes { grid-template-columns:repeat(2,minmax(0,1fr)); }
  .provenance { grid-template-columns:minmax(0,1fr); gap:18px; }
}
@page { margin:12mm; }
@media print {
  * { print-color-adjust:exact; -webkit-print-color-adjust:exact; }
  body { background:#fff; font-size:11px; }
  main { max-width:none; padding:0; }
  section { border:0; padding:0 0 8px; }
  .wide { overflow:visible; }
  .slices, .slices th { font-size:9px; }
  .slices th, .slices td { padding:3px 4px; }
  .slices td:nth-child(8) { min-width:90px; }
  .warnings, .card.flagged { padding-left:12px; border-left:4px solid #e69f00; }
  tr, dl, .warnings { break-inside:avoid; }
  h2 { break-after:avoid; }
}
"""
