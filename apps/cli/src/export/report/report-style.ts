/** The page's whole style: it must look the same from any disk, without fonts or files from elsewhere. */
export const REPORT_STYLE = `
:root { color-scheme: light; --ink: #1d2126; --quiet: #626b76; --line: #dde1e6; --ground: #f6f7f9; --good: #1a7f4b; --bad: #b3372f; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2.5rem 1.5rem 5rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { font-size: 1.4rem; margin: 3rem 0 0.5rem; padding-top: 1rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 0.75rem; overflow-wrap: anywhere; }
p { margin: 0.4rem 0; overflow-wrap: anywhere; }
code { font: 0.875em/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); font-size: 0.85rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 1.5rem 0.35rem 0; text-align: left; border-bottom: 1px solid var(--line); }
td.number, th.number { text-align: right; padding-right: 0; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; }
article { border: 1px solid var(--line); border-radius: 6px; padding: 0.8rem; background: var(--ground); overflow: hidden; }
article img { display: block; width: 100%; height: 9rem; object-fit: contain; background: #fff; border-radius: 4px; }
.absent { display: grid; place-items: center; height: 9rem; color: var(--quiet); background: #fff; border-radius: 4px; }
.kept { border-left: 4px solid var(--good); padding-left: 0.6rem; }
.rejected { border-left: 4px solid var(--bad); padding-left: 0.6rem; }
.histogram { margin: 1rem 0; max-width: 44rem; }
.histogram figcaption { font-size: 0.9rem; }
svg { display: block; width: 100%; height: auto; }
svg .good { fill: var(--good); }
svg .bad { fill: var(--quiet); }
svg line { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 4 3; }
svg text { font-size: 12px; fill: var(--quiet); }
`;
