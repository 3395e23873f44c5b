/** The look of the page, light and dark; no colour carries a meaning alone. */
export const pageStyle = `
:root{color-scheme:light dark;--bg:#f6f6f4;--card:#fff;--line:#e2e2de;--text:#1d1f23;--dim:#5d636d;--track:#e9e9e5;
--blue:#2a5bd0;--ok:#1b7a3d;--warn:#8a5700;--bad:#b8232f;--okbg:#e6f4ea;--warnbg:#fdf1dc;--badbg:#fcebec;--dimbg:#eeeeea}
@media (prefers-color-scheme:dark){:root{--bg:#101316;--card:#171b1f;--line:#2a2f36;--text:#e7e9ec;--dim:#9ba3ae;--track:#2a2f36;
--blue:#7ea6ff;--ok:#5ccb8a;--warn:#e6b65c;--bad:#ff8a8f;--okbg:#14301f;--warnbg:#33270f;--badbg:#3a191c;--dimbg:#23282e}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;background:var(--bg);color:var(--text);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
header,main,footer,#lost{max-width:1240px;margin:0 auto;padding:0 20px}
header{display:flex;flex-wrap:wrap;gap:4px 24px;align-items:center;justify-content:space-between;padding-top:18px;padding-bottom:14px}
h1{font-size:18px;font-weight:650;margin:0;letter-spacing:-.01em}
h2{font-size:13px;font-weight:650;margin:0 0 10px}
h3{font-size:12px;font-weight:600;margin:0;color:var(--dim)}
p{margin:0}
.dim,dt,.meta,figcaption,footer{color:var(--dim)}
.meta{font-size:12.5px}
.small{font-size:12.5px}
main{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:14px}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px;grid-column:span 2;min-width:0}
section.half{grid-column:span 3}
section.wide{grid-column:1/-1}
dl{display:grid;grid-template-columns:auto minmax(0,1fr);gap:4px 16px;margin:0}
dd{margin:0;text-align:right}
ul,ol{list-style:none;margin:0;padding:0}
.pill{display:inline-flex;align-items:center;gap:6px;border-radius:99px;padding:2px 10px 2px 8px;font-size:12.5px;font-weight:600;
white-space:nowrap;background:var(--dimbg);color:var(--text)}
.pill::before{content:"";width:8px;height:8px;border-radius:50%;background:currentColor;flex:none}
.pill.ok{background:var(--okbg);color:var(--ok)}
.pill.warn{background:var(--warnbg);color:var(--warn)}
.pill.bad{background:var(--badbg);color:var(--bad)}
header .pill{font-size:13.5px;padding:4px 14px 4px 12px}
.row{display:flex;gap:4px 12px;justify-content:space-between;align-items:baseline;flex-wrap:wrap}
.item+.item{margin-top:12px;padding-top:12px;border-top:1px solid var(--line)}
.name{font-weight:600}
.bar{height:8px;border-radius:4px;background:var(--track);overflow:hidden;margin:7px 0 5px}
.bar>i{display:block;height:100%;background:var(--blue);border-radius:4px;transition:width .25s linear}
.bar.full>i{background:var(--warn)}
.figures{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:10px;margin-bottom:10px}
.figures b{display:block;font-size:26px;font-weight:600;line-height:1.15;letter-spacing:-.02em}
.figures span{color:var(--dim);font-size:12.5px}
.charts{display:grid;grid-template-columns:repeat(5,minmax(0,1fr));gap:18px;margin-bottom:16px}
figure{margin:0;min-width:0}
figure b{font-size:18px;font-weight:600;letter-spacing:-.01em}
figcaption{font-size:12px}
svg{display:block;width:100%;height:56px;margin:4px 0;border-bottom:1px solid var(--line)}
svg .b{fill:var(--blue)}svg .b.failure{fill:var(--bad)}svg .b.cancelled{fill:var(--dim)}
svg .l{fill:none;stroke:var(--blue);stroke-width:1.75;vector-effect:non-scaling-stroke}
svg .f{fill:var(--badbg)}
svg .h{fill:transparent}svg .h:hover{fill:var(--text);opacity:.08}
.scroll{overflow:auto;max-height:330px;border-top:1px solid var(--line);margin:0 -16px -14px;border-radius:0 0 8px 8px}
table{border-collapse:collapse;width:100%;font-size:13px}
th,td{padding:5px 16px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
tr:last-child>td{border-bottom:0}
th{font-weight:600;color:var(--dim);font-size:12px;position:sticky;top:0;background:var(--card)}
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:left}
.delta{font-weight:600}
.item.small{margin-top:10px;padding-top:10px;border-top:1px solid var(--line)}
summary{cursor:pointer;width:max-content}details{margin:4px 0}
.fix{margin-top:2px}.fix b{font-weight:600}
#lost{margin-bottom:14px}
#lost p{background:var(--badbg);color:var(--bad);border-radius:8px;padding:8px 16px;font-weight:600}
footer{padding-top:14px;padding-bottom:28px;font-size:12.5px}
a{color:var(--blue)}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
.scroll:focus-visible{outline-offset:-2px}
@media (max-width:980px){section,section.half{grid-column:span 3}section:nth-of-type(5){grid-column:1/-1}.charts{grid-template-columns:repeat(3,minmax(0,1fr))}}
@media (max-width:640px){header,main,footer,#lost{padding-left:12px;padding-right:12px}section,section.half{grid-column:1/-1}
.charts{grid-template-columns:repeat(2,minmax(0,1fr))}th,td{padding:5px 10px}}
@media (prefers-reduced-motion:reduce){.bar>i{transition:none}}
@media print{.scroll{max-height:none}}
`;
