import type { GeneratedCaption, Picture } from "./api.ts";
import { SOURCES } from "./wording.ts";

export interface ShownCaption {
  readonly text: string;
  /** Where it comes from, in words. */
  readonly origin: string;
  /** The one that was asked for just now. */
  readonly isAnswer: boolean;
}

/** The stored captions and the one that was asked for; one that is stored already is marked in its place, not repeated. */
export function captionsToShow(stored: Picture["captions"], answer: GeneratedCaption | undefined): ShownCaption[] {
  const known = answer
    ? stored.findLastIndex(({ text, source }) => source === "SYNTHETIC" && text === answer.text)
    : -1;
  const shown = stored.map(({ text, source }, index) =>
    answer && index === known ? describeAnswer(answer) : { text, origin: SOURCES[source], isAnswer: false },
  );
  return answer && known < 0 ? [...shown, describeAnswer(answer)] : shown;
}

function describeAnswer({ text, stored, modelName }: GeneratedCaption): ShownCaption {
  return { text, origin: `${stored ? "stored" : "just written"} by ${modelName}`, isAnswer: true };
}
