import { useState } from "react";
import { fetchCaption, fetchEvidence, fetchPicture, type Hit, type Picture } from "./api.ts";
import { captionsToShow } from "./captions.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { ModalDialog } from "./modal-dialog.tsx";
import { wordsToLookFor } from "./query-words.ts";
import { QuestionForm } from "./question-form.tsx";
import { Scores } from "./result-grid.tsx";
import { useRequest } from "./use-request.ts";
import { WordEvidence } from "./word-evidence.tsx";
import { fileNameOf } from "./wording.ts";

interface PictureDialogProps {
  readonly imageId: string;
  /** The hit that was opened; absent when the page was opened at a picture. */
  readonly hit: Hit | undefined;
  /** What was searched for; empty where nothing was. */
  readonly text: string;
  readonly onClose: () => void;
}

export function PictureDialog({ imageId, hit, text, onClose }: PictureDialogProps) {
  const picture = useRequest(imageId, (signal) => fetchPicture({ id: imageId }, signal));
  return (
    <ModalDialog label="Picture" contentClassName="detail-content" onClose={onClose}>
      {picture.phase === "loading" && (
        <p className="detail-message" role="status">
          Opening …
        </p>
      )}
      {picture.phase === "failed" && <ErrorNotice message={picture.message} />}
      {picture.phase === "done" && picture.value === null && (
        <ErrorNotice message={`There is no picture “${imageId}”.`} />
      )}
      {picture.phase === "done" && picture.value !== null && <Detail picture={picture.value} hit={hit} text={text} />}
    </ModalDialog>
  );
}

function Detail({ picture, hit, text }: { picture: Picture; hit: Hit | undefined; text: string }) {
  const [chosen, choose] = useState<string | null>(null);
  const evidence = useRequest(chosen && JSON.stringify([picture.id, text, chosen]), (signal) =>
    fetchEvidence({ imageId: picture.id, word: chosen ?? "", text }, signal),
  );
  const words = wordsToLookFor(text);
  const overlay = evidence.phase === "done" ? evidence.value?.map?.overlayUrl : undefined;
  return (
    <>
      <figure className="detail-picture">
        <span className="layers">
          <PictureImage picture={picture} />
          {overlay !== undefined && <img className="overlay" src={overlay} alt="" />}
        </span>
      </figure>
      <div className="detail-text">
        {hit && <Scores hit={hit} />}
        {words.length > 0 && <WordEvidence words={words} chosen={chosen} evidence={evidence} onChoose={choose} />}
        <Captions picture={picture} />
        <QuestionForm imageId={picture.id} />
        <p className="origin">
          {picture.width !== null && `${picture.width} × ${picture.height} pixels · `}
          {picture.origins.map((origin) => `${fileNameOf(origin)} · `)}
          <a href={picture.url}>original</a>
        </p>
      </div>
    </>
  );
}

/** Formats that the browser cannot show (TIFF, HEIC) are shown by their small WebP file. */
function PictureImage({ picture }: { picture: Picture }) {
  const [shown, setShown] = useState(picture.url);
  return (
    <img
      src={shown}
      alt={picture.captions[0]?.text ?? "The picture; it has no caption yet"}
      width={picture.width ?? undefined}
      height={picture.height ?? undefined}
      onError={() => setShown(picture.thumbnailUrl)}
    />
  );
}

function Captions({ picture }: { picture: Picture }) {
  const [asked, setAsked] = useState(0);
  const written = useRequest(asked === 0 ? null : `caption ${picture.id} ${asked}`, (signal) =>
    fetchCaption({ imageId: picture.id }, signal),
  );
  const captions = captionsToShow(picture.captions, written.phase === "done" ? written.value : undefined);
  return (
    <section aria-label="Captions">
      <h2>Captions</h2>
      {captions.length === 0 && <p className="quiet-text">None yet.</p>}
      <ul className="captions">
        {captions.map(({ text, origin, isAnswer }, index) => (
          <li key={`${index} ${text}`} className={isAnswer ? "captions-new" : undefined}>
            <q>{text}</q> <span className="source">{origin}</span>
          </li>
        ))}
      </ul>
      {written.phase === "failed" && <ErrorNotice message={written.message} />}
      <button
        type="button"
        className="quiet"
        disabled={written.phase === "loading"}
        onClick={() => setAsked(asked + 1)}
      >
        {written.phase === "loading" ? "Looking at it …" : "Caption this"}
      </button>
      <span className="hidden" role="status">
        {written.phase === "done" ? `Caption: ${written.value.text}` : ""}
      </span>
    </section>
  );
}
