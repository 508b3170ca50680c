import { useState } from "react";
import type { Corpus } from "./api.ts";
import { EVERYWHERE } from "./address.ts";
import { countOf } from "./wording.ts";

/** More collections than this no search takes. */
export const MOST_AT_ONCE = 16;

interface SearchFormProps {
  /** The text that the page shows results for. */
  readonly text: string;
  readonly corpus: string | null;
  readonly corpora: readonly Corpus[];
  readonly onSearch: (text: string) => void;
  readonly onCorpus: (name: string) => void;
}

export function SearchForm({ text, corpus, corpora, onSearch, onCorpus }: SearchFormProps) {
  const pictures = corpora.reduce((sum, { imageCount }) => sum + imageCount, 0);
  const [draft, setDraft] = useState(text);
  const [shown, setShown] = useState(text);
  // The browser's back button, an example or the brand changed what the page shows.
  if (shown !== text) {
    setShown(text);
    setDraft(text);
  }
  return (
    <form
      className="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (draft.trim() !== "") onSearch(draft.trim());
      }}
    >
      <label className="search-text">
        <span className="hidden">What the picture should show</span>
        <input
          type="search"
          name="q"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          placeholder="two dogs on a beach"
          maxLength={2000}
          autoComplete="off"
          enterKeyHint="search"
          autoFocus={text === ""}
        />
      </label>
      <label className="search-corpus">
        <span className="hidden">Collection</span>
        <select value={corpus ?? ""} disabled={corpora.length === 0} onChange={(event) => onCorpus(event.target.value)}>
          {corpus !== null && corpus !== EVERYWHERE && !corpora.some(({ name }) => name === corpus) && (
            <option value={corpus}>{corpus}</option>
          )}
          {((corpora.length > 1 && corpora.length <= MOST_AT_ONCE) || corpus === EVERYWHERE) && (
            <option value={EVERYWHERE}>All collections · {countOf(pictures, "picture")}</option>
          )}
          {corpora.map(({ name, imageCount }) => (
            <option key={name} value={name}>
              {name} · {countOf(imageCount, "picture")}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" className="primary" disabled={corpus === null}>
        Search
      </button>
    </form>
  );
}
