import { useState } from "react";
import { readPastedKey, rememberApiKey } from "./api-key.ts";

interface KeyFormProps {
  /** A key was shown, and the gateway did not take it. */
  readonly refused: boolean;
  /** The gateway's own words. */
  readonly message: string;
}

/** Stands in for the page's content while the gateway wants a key. */
export function KeyForm({ refused, message }: KeyFormProps) {
  const [draft, setDraft] = useState("");
  const [unreadable, setUnreadable] = useState(false);
  const problem = unreadable
    ? "This is no key: a key is one word of letters, digits and signs."
    : refused
      ? `The key was not accepted. ${message}`
      : null;
  return (
    <section className="invitation" aria-labelledby="key-heading">
      <h1 id="key-heading">A key, please</h1>
      <p id="key-help">
        This Medley shows its pictures to those who have a key. Whoever runs it makes one with{" "}
        <code>medley keys create</code>. It is kept in this tab until you close it or forget it.
      </p>
      <form
        className="key-form"
        onSubmit={(event) => {
          event.preventDefault();
          const key = readPastedKey(draft);
          setUnreadable(key === null);
          if (key !== null) rememberApiKey(key);
        }}
      >
        <label htmlFor="key">API key</label>
        <input
          id="key"
          type="password"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          required
          aria-describedby={problem === null ? "key-help" : "key-problem key-help"}
          aria-invalid={problem !== null}
        />
        <button type="submit" className="primary">
          Use this key
        </button>
      </form>
      {problem !== null && (
        <div className="notice notice-error" role="alert" id="key-problem">
          <p>{problem}</p>
        </div>
      )}
    </section>
  );
}
