/** The page's whole style: it must look the same from any disk, without fonts or files from elsewhere. */
export const STYLE = `
:root { color-scheme: light; --ink: #1d2126; --quiet: #626b76; --line: #dde1e6; --ground: #f6f7f9; --good: #1a7f4b; --bad: #b3372f; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2.5rem 1.5rem 5rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.4rem; margin: 3.5rem 0 0.5rem; padding-top: 1rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 2rem 0 0.75rem; }
p { margin: 0.5rem 0; max-width: 48rem; }
.quiet { color: var(--quiet); }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.25rem 1.5rem; margin: 0; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
code { font: 0.875em/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.75rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: 0.45rem 1.1rem 0.45rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; border-bottom-color: var(--quiet); vertical-align: bottom; max-width: 9rem; }
tbody th { font-weight: 400; max-width: 26rem; }
td.number, th.number { text-align: right; padding-left: 0.75rem; }
td.number { white-space: nowrap; }
.value { font-weight: 600; }
.interval, .baseline { display: block; font-size: 0.8rem; line-height: 1.35; color: var(--quiet); }
tr.part-start > * { border-top: 2px solid var(--quiet); }
details { margin: 1rem 0; }
summary { cursor: pointer; font-weight: 600; }
.examples { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; }
.example { border: 1px solid var(--line); border-radius: 6px; padding: 0.9rem; background: var(--ground); overflow: hidden; }
.example h4 { font-size: 1rem; margin: 0 0 0.6rem; overflow-wrap: anywhere; }
.example > figure { margin: 0 0 0.6rem; }
.example dl { margin: 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.15rem 0.75rem; font-size: 0.9rem; }
.example dt { color: var(--quiet); }
.example dd { margin: 0; overflow-wrap: anywhere; }
figure img { display: block; max-width: 100%; height: 8.5rem; object-fit: contain; object-position: left; background: #fff; border-radius: 4px; }
figure .absent { display: grid; place-items: center; height: 4rem; padding: 0.5rem; font-size: 0.8rem; color: var(--quiet);
  background: #fff; border-radius: 4px; overflow-wrap: anywhere; }
figcaption { font-size: 0.78rem; line-height: 1.35; color: var(--quiet); overflow-wrap: anywhere; }
.found { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.6rem; margin-top: 0.6rem; }
.found figure { margin: 0; padding: 0.35rem; background: #fff; border-radius: 4px; border-left: 4px solid var(--line); }
.found figure.right { border-left-color: var(--good); }
.found figure.wrong { border-left-color: var(--bad); }
.found img { height: 5.5rem; object-position: center; width: 100%; }
@media print { body { max-width: none; padding: 0; } .example { break-inside: avoid; } }
`;
