import { useEffect, useId, useState } from "react";
import { type AddedPicture, describeTally, PHASES, tallyOf } from "./added-pictures.ts";
import { ModalDialog } from "./modal-dialog.tsx";
import type { Adding } from "./use-adding.ts";

/** Names of files that the server reads; it looks at their content. */
const ACCEPTED = "image/jpeg,image/png,image/webp,image/gif,image/tiff,image/avif";
/** A list of thousands would hold up the page; the newest are what the reader looks at. */
const MOST_ROWS = 200;
const LONGEST_NAME = 200;

interface AddDialogProps {
  /** Names of the collections that there are. */
  readonly corpora: readonly string[];
  /** The collection that is proposed. */
  readonly proposed: string;
  readonly adding: Adding;
  /** The collection that was added to can be searched. */
  readonly isReady: boolean;
  readonly onShow: () => void;
  readonly onClose: () => void;
}

/** Takes pictures from the reader's disk into a collection, by choosing or dropping them. What is on its way goes on when it is closed. */
export function AddDialog({ corpora, proposed, adding, isReady, onShow, onClose }: AddDialogProps) {
  const [corpus, setCorpus] = useState(proposed);
  const [isOver, setOver] = useState(false);
  const ids = { names: useId(), files: useId() };
  const name = corpus.trim();
  const { pictures } = adding;
  const tally = tallyOf(pictures);
  const take = (files: FileList | null) => {
    if (name !== "" && files !== null && files.length > 0) adding.add(name, [...files]);
  };
  useDropsNowhereElse();
  return (
    <ModalDialog label="Add pictures" className="add" contentClassName="add-content" onClose={onClose}>
      <h1>Add pictures</h1>
      <label className="add-corpus">
        Collection
        <input
          type="text"
          value={corpus}
          onChange={(event) => setCorpus(event.target.value)}
          list={ids.names}
          maxLength={LONGEST_NAME}
          autoComplete="off"
          required
        />
        <datalist id={ids.names}>
          {corpora.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      </label>
      <p className="quiet-text">
        {name === "" && "Give the collection a name."}
        {name !== "" &&
          (corpora.includes(name) ? `They join the pictures of “${name}”.` : `“${name}” is a new collection.`)}
      </p>
      <div
        className={isOver ? "drop drop-over" : "drop"}
        onDragEnter={() => setOver(true)}
        onDragOver={(event) => event.preventDefault()}
        onDragLeave={(event) => {
          if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
        }}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          take(event.dataTransfer.files);
        }}
      >
        <label htmlFor={ids.files}>Drop pictures here, or choose them</label>
        <input
          id={ids.files}
          type="file"
          multiple
          accept={ACCEPTED}
          disabled={name === ""}
          onChange={(event) => {
            take(event.target.files);
            // The same file again is a change as well.
            event.target.value = "";
          }}
        />
      </div>
      <p className="status" role="status">
        {describeTally(tally)}
      </p>
      <Pictures pictures={pictures} />
      {tally.total > 0 && tally.open === 0 && (
        <div className="add-end">
          {tally.added > 0 && (
            <button type="button" className="primary" disabled={!isReady} onClick={onShow}>
              {isReady ? "Search them" : "The model looks at them …"}
            </button>
          )}
          <button type="button" className="quiet" onClick={adding.tidy}>
            Clear the list
          </button>
        </div>
      )}
    </ModalDialog>
  );
}

function Pictures({ pictures }: { readonly pictures: readonly AddedPicture[] }) {
  // What failed is what somebody has to know about.
  const shown = [...pictures].sort((one, other) => Number(other.phase === "FAILED") - Number(one.phase === "FAILED"));
  return (
    <ul className="added">
      {shown.slice(0, MOST_ROWS).map(({ id, name, phase, problem, sentBytes, sizeBytes }) => (
        <li key={id} className={phase === "FAILED" ? "added-failed" : undefined}>
          <span className="added-name">{name}</span>
          {phase === "SENDING" ? (
            <progress value={sentBytes} max={Math.max(1, sizeBytes)} aria-label={`${name}: sent`} />
          ) : (
            <span className="source">{problem ?? PHASES[phase]}</span>
          )}
        </li>
      ))}
      {shown.length > MOST_ROWS && (
        <li className="source">and {(shown.length - MOST_ROWS).toLocaleString("en")} more</li>
      )}
    </ul>
  );
}

/** A picture that is dropped beside the field would take the page's place. */
function useDropsNowhereElse(): void {
  useEffect(() => {
    const refuse = (event: DragEvent) => event.preventDefault();
    window.addEventListener("dragover", refuse);
    window.addEventListener("drop", refuse);
    return () => {
      window.removeEventListener("dragover", refuse);
      window.removeEventListener("drop", refuse);
    };
  }, []);
}
