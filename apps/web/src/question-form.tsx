import { useState } from "react";
import { fetchAnswer } from "./api.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { useRequest } from "./use-request.ts";

export function QuestionForm({ imageId }: { imageId: string }) {
  const [draft, setDraft] = useState("");
  const [asked, setAsked] = useState({ question: "", attempt: 0 });
  const answer = useRequest(asked.question === "" ? null : JSON.stringify([imageId, asked]), (signal) =>
    fetchAnswer({ imageId, question: asked.question }, signal),
  );
  return (
    <section aria-label="Questions">
      <h2>Ask about it</h2>
      <form
        className="question"
        onSubmit={(event) => {
          event.preventDefault();
          if (draft.trim() !== "") setAsked({ question: draft.trim(), attempt: asked.attempt + 1 });
        }}
      >
        <label>
          <span className="hidden">Your question</span>
          <input
            type="text"
            name="question"
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
            placeholder="what colour is the sky?"
            maxLength={2000}
            autoComplete="off"
            enterKeyHint="send"
          />
        </label>
        <button type="submit" className="quiet" disabled={answer.phase === "loading"}>
          {answer.phase === "loading" ? "Thinking …" : "Ask"}
        </button>
      </form>
      <div aria-live="polite">
        {answer.phase === "done" && (
          <p className="answer">
            <span className="answer-question">{answer.value.question}</span>
            <strong>{answer.value.text}</strong>
            <span className="source">by {answer.value.modelName}</span>
          </p>
        )}
      </div>
      {answer.phase === "failed" && <ErrorNotice message={answer.message} />}
    </section>
  );
}
