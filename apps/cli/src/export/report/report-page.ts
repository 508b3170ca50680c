import { type Html, html } from "@medley/evaluation";
import type { Disagreement, ExportReport, ReportExample } from "./collect-report.ts";
import { histogram } from "./histogram.ts";
import { REPORT_STYLE } from "./report-style.ts";

/** A small picture as a data URI, by SHA-256; undefined where there is none. */
export type ThumbnailAddress = (sha256: string) => string | undefined;

/** The report as one page that needs nothing from elsewhere and runs nothing. */
export function reportPage(report: ExportReport, addressOf: ThumbnailAddress): string {
  const title = `Captions of ${report.corpus}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${{ markup: REPORT_STYLE }}</style>
</head>
<body>
<h1>${title}</h1>
<p>${report.captions} captions of ${report.pictures} pictures. ${policyOf(report)}</p>
<h2>Kept and rejected</h2>
${verdictTable(report)}
<h2>Match probabilities</h2>
${report.histograms.length === 0 ? html`<p class="quiet">No caption has a score of the active policy's filter.</p>` : report.histograms.map(histogram)}
<h2>Nearest to the threshold</h2>
${cards(report.nearThreshold, addressOf)}
<h2>Most frequent rejections</h2>
${report.rejections.length === 0 ? html`<p class="quiet">None.</p>` : report.rejections.map((each) => html`<h3>${each.reason}: ${each.captions}</h3>${cards(each.examples, addressOf)}`)}
<h2>Where web and captioner disagree</h2>
${report.disagreements.map((each) => disagreementSection(each, addressOf))}
</body>
</html>
`;
  return page.markup;
}

function policyOf({ policy }: ExportReport): Html {
  if (policy === null) return html`No policy has judged them.`;
  const { version, filterName, filterFingerprint, rule } = policy;
  return html`Policy ${version}, filter ${filterName} (<code>${filterFingerprint}</code>), rule <code>${JSON.stringify(rule)}</code>.`;
}

function verdictTable({ verdicts }: ExportReport): Html {
  const rows = verdicts.map(
    ({ source, verdict, reason, captions }) =>
      html`<tr><td>${source}</td><td>${verdict ?? "to be judged"}</td><td>${reason ?? ""}</td><td class="number">${captions}</td></tr>`,
  );
  return html`<table><thead><tr><th>Source</th><th>Verdict</th><th>Reason</th><th class="number">Captions</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function cards(examples: readonly ReportExample[], addressOf: ThumbnailAddress): Html {
  if (examples.length === 0) return html`<p class="quiet">None.</p>`;
  return html`<div class="examples">${examples.map((example) => card(example.sha256, [example], addressOf))}</div>`;
}

function disagreementSection({ kept, rejected, pictures, examples }: Disagreement, addressOf: ThumbnailAddress): Html {
  const shown = examples.map((each) => card(each.kept.sha256, [each.kept, each.rejected], addressOf));
  return html`<h3>${kept} kept, ${rejected} rejected: ${pictures} pictures</h3><div class="examples">${shown}</div>`;
}

function card(sha256: string, examples: readonly ReportExample[], addressOf: ThumbnailAddress): Html {
  const address = addressOf(sha256);
  const picture =
    address === undefined
      ? html`<span class="absent">${sha256.slice(0, 12)}</span>`
      : html`<img src="${address}" alt="" title="${sha256}">`;
  return html`<article>${picture}${examples.map(captionLines)}</article>`;
}

function captionLines({ text, source, verdict, reason, matchProbability }: ReportExample): Html {
  const probability = matchProbability === null ? "" : `, match probability ${matchProbability.toFixed(3)}`;
  return html`<p class="${verdict === "KEPT" ? "kept" : "rejected"}">${text}</p><p class="quiet">${source}, ${reason ?? "to be judged"}${probability}</p>`;
}
