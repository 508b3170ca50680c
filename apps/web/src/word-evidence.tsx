import type { Evidence } from "./api.ts";
import { ErrorNotice } from "./error-notice.tsx";
import type { RequestState } from "./use-request.ts";
import { formatCosine } from "./wording.ts";

interface WordEvidenceProps {
  readonly words: readonly string[];
  /** The word that is shown; null while none is. */
  readonly chosen: string | null;
  readonly evidence: RequestState<Evidence | null>;
  readonly onChoose: (word: string | null) => void;
}

/** A button for each word of the search: the picture then shows where it is most like that word. */
export function WordEvidence({ words, chosen, evidence, onChoose }: WordEvidenceProps) {
  return (
    <section aria-label="Where it is">
      <h2>Where is it?</h2>
      <ul className="words">
        {words.map((word) => (
          <li key={word}>
            <button
              type="button"
              className="chip"
              aria-pressed={word === chosen}
              onClick={() => onChoose(word === chosen ? null : word)}
            >
              {word}
            </button>
          </li>
        ))}
      </ul>
      <p className="quiet-text" role="status">
        {sayOf(evidence)}
      </p>
      {evidence.phase === "failed" && <ErrorNotice message={evidence.message} />}
    </section>
  );
}

function sayOf(evidence: RequestState<Evidence | null>): string {
  if (evidence.phase === "loading") return "Looking for it …";
  if (evidence.phase !== "done" || evidence.value === null) return "";
  const { word, map, failure } = evidence.value;
  if (map === null) return `No map of “${word}”: ${failure?.message ?? "the model gave none."}`;
  const cosine = map.peakCosine === null ? "" : ` (cosine ${formatCosine(map.peakCosine)} at the brightest)`;
  return `Bright where the picture is most like “${word}”${cosine}. That says where, not whether it is there.`;
}
