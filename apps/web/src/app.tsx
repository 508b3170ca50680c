import { useEffect, useState } from "react";
import { type Address, useAddress } from "./address.ts";
import { forgetApiKey, useApiKey } from "./api-key.ts";
import { type Corpus, fetchCorpora, type FoundPictures, searchPictures } from "./api.ts";
import { calmly, wantsNoMotion } from "./calm-updates.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { UNAUTHENTICATED } from "./graphql-client.ts";
import { KeyForm } from "./key-form.tsx";
import { PictureDialog } from "./picture-dialog.tsx";
import { JudgingNotice, ReportNotice } from "./report-notice.tsx";
import { LoadingGrid, ResultGrid } from "./result-grid.tsx";
import { SearchForm } from "./search-form.tsx";
import { type RequestState, useRequest } from "./use-request.ts";
import { countOf } from "./wording.ts";

/** Fills a wide screen about twice; pictures are loaded as they come into view. */
const HITS = 48;
const IDLE = { phase: "idle" } as const;

export function App() {
  const [address, go] = useAddress();
  const [attempt, setAttempt] = useState(0);
  const { key, wanted, version } = useApiKey();
  const corpora = useRequest(`corpora ${version}`, fetchCorpora, attempt);
  const names = corpora.phase === "done" ? corpora.value : [];
  const corpus = address.corpus ?? names[0]?.name ?? null;
  const asked = address.text !== "" && corpus !== null;
  const found = useRequest<FoundPictures>(
    asked ? JSON.stringify([corpus, address.text, version]) : null,
    (signal, show) =>
      searchPictures(
        { corpus: corpus ?? "", text: address.text, first: HITS },
        signal,
        calmly(show, { still: wantsNoMotion() }),
      ),
    attempt,
  );
  // The form that had the focus goes away with the key that it was given.
  const isOpen = corpora.phase === "done";
  useEffect(() => {
    if (version > 0 && isOpen) document.getElementById("results")?.focus();
  }, [version, isOpen]);
  const search = (text: string) => go({ ...address, text, imageId: null });

  return (
    <>
      <a className="skip" href="#results">
        Skip to the results
      </a>
      <header className={asked ? "masthead" : "masthead masthead-tall"}>
        <a
          className="brand"
          href="/"
          onClick={(event) => {
            event.preventDefault();
            go({ text: "", corpus: address.corpus, imageId: null });
          }}
        >
          <img src="/icon.svg" alt="" width="32" height="32" />
          Medley
        </a>
        <SearchForm
          text={address.text}
          corpus={corpus}
          corpora={names}
          onSearch={search}
          onCorpus={(name) => go({ ...address, corpus: name, imageId: null })}
        />
      </header>
      <main id="results" tabIndex={-1}>
        {wanted !== null ? (
          <KeyForm key={version} refused={key !== null} message={wanted} />
        ) : (
          <Content
            address={address}
            corpus={corpus}
            corpora={corpora}
            found={asked ? found : IDLE}
            onRetry={() => setAttempt(attempt + 1)}
            onSearch={search}
            onOpen={(imageId) => go({ ...address, imageId })}
          />
        )}
      </main>
      {address.imageId !== null && wanted === null && (
        <PictureDialog
          key={`${address.imageId} ${version}`}
          imageId={address.imageId}
          hit={
            found.phase === "done" ? found.value.page.edges.find(({ node }) => node.id === address.imageId) : undefined
          }
          text={address.text}
          onClose={() => go({ ...address, imageId: null }, "replace")}
        />
      )}
      <footer>
        <a href="/graphiql">GraphiQL</a>
        {key !== null && (
          <button type="button" className="link" onClick={forgetApiKey}>
            Forget the key
          </button>
        )}
        <span>Every score on this page is what the model gave; nothing is a probability.</span>
      </footer>
    </>
  );
}

interface ContentProps {
  readonly address: Address;
  readonly corpus: string | null;
  readonly corpora: RequestState<readonly Corpus[]>;
  /** Idle while nothing is looked for. */
  readonly found: RequestState<FoundPictures>;
  readonly onRetry: () => void;
  readonly onSearch: (text: string) => void;
  readonly onOpen: (imageId: string) => void;
}

function Content({ address, corpus, corpora, found, onRetry, onSearch, onOpen }: ContentProps) {
  const names = corpora.phase === "done" ? corpora.value : [];
  return (
    <>
      <Failure of={corpora} onRetry={onRetry} />
      {corpora.phase === "done" && names.length === 0 && <NoCorpus />}
      {corpora.phase === "done" && names.length > 0 && found.phase === "idle" && (
        <Invitation corpus={names.find(({ name }) => name === corpus)} onSearch={onSearch} />
      )}
      {found.phase === "loading" && (
        <>
          <p className="status" role="status">
            Looking for “{address.text}” …
          </p>
          <LoadingGrid />
        </>
      )}
      <Failure of={found} onRetry={onRetry} />
      {found.phase === "done" && <Found found={found.value} address={address} corpus={corpus} onOpen={onOpen} />}
    </>
  );
}

interface FoundProps extends Pick<ContentProps, "address" | "corpus" | "onOpen"> {
  readonly found: FoundPictures;
}

function Found({ found: { page, judged, candidates, isFinal }, address, corpus, onOpen }: FoundProps) {
  const pictures = `${countOf(page.edges.length, "picture")} for “${address.text}”`;
  return (
    <>
      <p className="status" role="status">
        {!isFinal && `${pictures}, in a first order`}
        {isFinal && (page.edges.length === 0 ? `No pictures in “${corpus}” yet.` : `${pictures}, best first`)}
      </p>
      {isFinal ? <ReportNotice report={page.report} /> : <JudgingNotice judged={judged} candidates={candidates} />}
      <ResultGrid hits={page.edges} address={address} isPending={!isFinal} onOpen={onOpen} />
    </>
  );
}

/** That a key is wanted is said by the form that asks for it. */
function Failure({ of, onRetry }: { of: RequestState<unknown>; onRetry: () => void }) {
  if (of.phase !== "failed" || of.code === UNAUTHENTICATED) return null;
  return <ErrorNotice message={of.message} onRetry={onRetry} />;
}

const EXAMPLES = ["a red apple", "snow on the mountains", "a polar bear", "an old castle"];

function Invitation({ corpus, onSearch }: { corpus: Corpus | undefined; onSearch: (text: string) => void }) {
  return (
    <section className="invitation">
      <h1>Describe a picture, find it</h1>
      <p>
        {corpus === undefined
          ? "Choose a collection and say in a few words what its pictures should show."
          : `Say in a few words what you are looking for among the ${countOf(corpus.imageCount, "picture")} of “${corpus.name}”.`}
      </p>
      <ul className="examples" aria-label="Examples">
        {EXAMPLES.map((text) => (
          <li key={text}>
            <button type="button" className="chip" onClick={() => onSearch(text)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function NoCorpus() {
  return (
    <section className="invitation">
      <h1>There are no pictures yet</h1>
      <p>Bring in a folder of pictures from a terminal, then load this page again:</p>
      <pre>npx medley ingest PATH --corpus my-pictures</pre>
    </section>
  );
}
