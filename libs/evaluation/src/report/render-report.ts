import type { Picture } from "../datasets/dataset.ts";
import type { TaskName } from "../datasets/tasks.ts";
import type { EvaluationResult, Failure, TaskResult } from "../run/result.ts";
import { exampleCards, picturesOf, type ThumbnailAddress } from "./example-cards.ts";
import { type Html, html } from "./html.ts";
import { baselineLegend, metricTables } from "./metric-table.ts";
import { STYLE } from "./style.ts";

/** What a reader needs to run the evaluation again. */
export interface ReportFacts {
  readonly commandLine: string;
  readonly date: Date;
  /** One line for each role of the model set. */
  readonly models: readonly { readonly role: string; readonly name: string; readonly fingerprint: string }[];
  /** Further settings that change figures, such as the weight of itcCosine. */
  readonly settings: readonly { readonly name: string; readonly value: string }[];
}

const TITLES: Readonly<Record<TaskName, string>> = {
  retrieval: "Retrieval",
  detection: "Queries without an answer",
  captions: "Captions",
  vqa: "Questions",
  pairs: "Minimal pairs",
  classes: "Zero-shot classification",
};

const EXPLANATIONS: Readonly<Record<TaskName, string>> = {
  retrieval: "Share of queries with a right answer among the first 1, 5 and 10, before and after the matching head.",
  detection: "How well the highest score of a query tells queries that a picture answers from those that none does.",
  captions: "Captions of the model against those of people. METEOR and SPICE need Java and are not computed.",
  vqa: "Accuracy as the VQA evaluation defines it: an answer is right when three of ten people gave it.",
  pairs: "Whether the true text scores above one that is false by a detail. Equal scores count as wrong.",
  classes: "The class whose text fits the picture best. No example of a class is shown to the model.",
};

/** Failures beyond this are counted but not listed. */
const LISTED_FAILURES = 200;

/**
 * A self-contained HTML page of the result: figures with intervals and baselines, examples, failures, and how it was made.
 * @param thumbnailOf  a small picture as a data URI; undefined or a rejection shows the picture's name instead
 */
export async function renderReport(
  result: EvaluationResult,
  facts: ReportFacts,
  thumbnailOf: (picture: Picture) => Promise<string | undefined>,
): Promise<string> {
  const addresses = new Map<string, string>();
  for (const picture of picturesOf(result.tasks.flatMap(({ best, worst }) => [...best, ...worst]))) {
    const address = await thumbnailOf(picture).catch(() => undefined);
    if (address !== undefined) addresses.set(JSON.stringify(picture.place), address);
  }
  const addressOf: ThumbnailAddress = (picture) => addresses.get(JSON.stringify(picture.place));
  const title = `Evaluation of ${result.dataset}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: file:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<h1>${title}</h1>
${factList(result, facts)}
<p class="quiet">Shares and scores are times 100. Under each figure: its 95 % bootstrap interval, and (*) what is reached without the model.</p>
${result.tasks.map((task) => taskSection(task, addressOf))}
</body>
</html>
`;
  return page.markup;
}

function factList({ source, subset, tasks }: EvaluationResult, facts: ReportFacts): Html {
  const failed = tasks.reduce((sum, { failures }) => sum + failures.length, 0);
  const rows: readonly { readonly name: string; readonly value: Html }[] = [
    { name: "Data", value: html`${source}` },
    ...(subset
      ? [
          {
            name: "Part",
            value: html`at most ${subset.limit} items, chosen at random with seed ${subset.seed}: not comparable with figures of the whole set`,
          },
        ]
      : []),
    ...modelsOnce(facts.models).map(({ roles, name, fingerprint }) => ({
      name: roles.length === 1 ? `Model, ${roles[0]}` : "Model",
      value: html`${name} <code class="quiet">${fingerprint}</code>`,
    })),
    ...facts.settings.map(({ name, value }) => ({ name, value: html`${value}` })),
    { name: "Command", value: html`<code>${facts.commandLine}</code>` },
    { name: "Date", value: html`${facts.date.toISOString().slice(0, 16).replace("T", " ")} UTC` },
    { name: "Failures", value: html`${failed === 0 ? "none" : `${failed}, listed below`}` },
  ];
  return html`<dl class="facts">${rows.map(({ name, value }) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

/** One entry for each checkpoint, with all that it is used for. */
function modelsOnce(models: ReportFacts["models"]) {
  return [...Map.groupBy(models, ({ fingerprint }) => fingerprint)].map(([fingerprint, same]) => ({
    fingerprint,
    name: same[0]?.name ?? "",
    roles: same.map(({ role }) => role),
  }));
}

function taskSection({ task, metrics, notes, best, worst, failures }: TaskResult, addressOf: ThumbnailAddress): Html {
  const legend = baselineLegend(metrics);
  return html`<section>
<h2>${TITLES[task]}</h2>
<p class="quiet">${EXPLANATIONS[task]}${legend.map((sentence) => ` ${sentence}`)}</p>
${notes.map((note) => html`<p>${note}</p>`)}
${metricTables(metrics)}
${best.length > 0 ? html`<h3>Best</h3>${exampleCards(best, addressOf)}` : html``}
${worst.length > 0 ? html`<h3>Worst</h3>${exampleCards(worst, addressOf)}` : html``}
${failures.length > 0 ? failureTable(failures) : html``}
</section>`;
}

function failureTable(failures: readonly Failure[]): Html {
  const rows = failures
    .slice(0, LISTED_FAILURES)
    .map(({ item, code, message }) => html`<tr><td>${item}</td><td>${code}</td><td>${message}</td></tr>`);
  const more = failures.length - rows.length;
  return html`<h3>Failures (${failures.length})</h3>
<div class="scroll"><table><thead><tr><th scope="col">Item</th><th scope="col">Code</th><th scope="col">Reason</th></tr></thead><tbody>${rows}</tbody></table></div>
${more > 0 ? html`<p>And ${more} more.</p>` : html``}`;
}
