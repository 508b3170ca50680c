import type { Report } from "./api.ts";
import { countOf, describeMilliseconds, STAGES } from "./wording.ts";

const INDEX_MODES: Readonly<Record<Report["indexMode"], string>> = {
  EXACT: "every vector was compared",
  HOT_TIER: "every vector was compared in memory, the best of them exactly",
  HNSW: "approximate: the HNSW index may have missed one",
};

interface JudgingNoticeProps {
  readonly judged: number;
  readonly candidates: number;
}

/** How far an answer is; as high as the line that takes its place. */
export function JudgingNotice({ judged, candidates }: JudgingNoticeProps) {
  return (
    <p className="report judging">
      <progress value={judged} max={candidates} aria-label="Pictures compared with the text" />
      {judged} of {countOf(candidates, "picture")} compared with the text so far
    </p>
  );
}

/** Measured on searches before this one, as long as there were any. */
function describeRecall({ indexMode, estimatedRecall }: Report): string {
  if (indexMode === "EXACT" || estimatedRecall === null) return "";
  return `; of the nearest, such searches found ${(100 * estimatedRecall).toFixed(1)} % when they were checked`;
}

/** Why a search was slow: pictures that had to be read by the vision tower first. */
function describeTokens({ candidates, cacheHits }: Report): string {
  if (cacheHits.imageTokens === null) return "";
  const computed = candidates.reranked - cacheHits.imageTokens;
  return computed <= 0 ? "" : ` ${countOf(computed, "picture")} had to be read anew for that.`;
}

/** What was cut, where everybody sees it; how the answer came about, for those who open it. */
export function ReportNotice({ report }: { report: Report }) {
  return (
    <>
      {report.degraded.map(({ stage, code, message }) => (
        <div key={`${stage} ${code} ${message}`} className="notice notice-degraded" role="status">
          <p>
            <strong>This answer is incomplete.</strong> {message}
          </p>
        </div>
      ))}
      <details className="report">
        <summary>
          {report.candidates.reranked === 0 ? "No picture" : countOf(report.candidates.reranked, "picture")} compared
          with the text in {describeMilliseconds(report.milliseconds)}
        </summary>
        <ul>
          {report.stages.map(({ stage, milliseconds }) => (
            <li key={stage}>
              <span>{STAGES[stage]}</span> <span className="number">{describeMilliseconds(milliseconds)}</span>
            </li>
          ))}
        </ul>
        <p>
          The {countOf(report.candidates.retrieved, "nearest picture")} by cosine ({INDEX_MODES[report.indexMode]}
          {describeRecall(report)})
          {report.candidates.byText > 0 &&
            ` and ${countOf(report.candidates.byText, "picture")} found by its own texts`}
          ; {report.candidates.reranked} of them ordered by match logit + {report.itcWeight} × cosine
          {report.textWeight > 0 && ", mixed with what their own texts say"}.{describeTokens(report)}
        </p>
        <p>
          Model {report.modelName} <code title={report.modelFingerprint}>{report.modelFingerprint.slice(0, 12)}</code>
        </p>
      </details>
    </>
  );
}
