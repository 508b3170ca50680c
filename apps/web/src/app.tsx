import { useState } from "react";
import { useAddress } from "./address.ts";
import { type Corpus, fetchCorpora, fetchSearch } from "./api.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { PictureDialog } from "./picture-dialog.tsx";
import { ReportNotice } from "./report-notice.tsx";
import { LoadingGrid, ResultGrid } from "./result-grid.tsx";
import { SearchForm } from "./search-form.tsx";
import { useRequest } from "./use-request.ts";
import { countOf } from "./wording.ts";

/** Fills a wide screen about twice; pictures are loaded as they come into view. */
const HITS = 48;

export function App() {
  const [address, go] = useAddress();
  const [attempt, setAttempt] = useState(0);
  const corpora = useRequest("corpora", fetchCorpora, attempt);
  const names = corpora.phase === "done" ? corpora.value : [];
  const corpus = address.corpus ?? names[0]?.name ?? null;
  const asked = address.text !== "" && corpus !== null;
  const found = useRequest(
    asked ? JSON.stringify([corpus, address.text]) : null,
    (signal) => fetchSearch({ corpus: corpus ?? "", text: address.text, first: HITS }, signal),
    attempt,
  );
  const retry = () => setAttempt(attempt + 1);
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
        {corpora.phase === "failed" && <ErrorNotice message={corpora.message} onRetry={retry} />}
        {corpora.phase === "done" && names.length === 0 && <NoCorpus />}
        {corpora.phase === "done" && names.length > 0 && !asked && (
          <Invitation corpus={names.find(({ name }) => name === corpus)} onSearch={search} />
        )}
        {asked && found.phase === "loading" && (
          <>
            <p className="status" role="status">
              Looking for “{address.text}” …
            </p>
            <LoadingGrid />
          </>
        )}
        {asked && found.phase === "failed" && <ErrorNotice message={found.message} onRetry={retry} />}
        {asked && found.phase === "done" && (
          <>
            <p className="status" role="status">
              {found.value.edges.length === 0
                ? `No pictures in “${corpus}” yet.`
                : `${countOf(found.value.edges.length, "picture")} for “${address.text}”, best first`}
            </p>
            <ReportNotice report={found.value.report} />
            <ResultGrid hits={found.value.edges} address={address} onOpen={(imageId) => go({ ...address, imageId })} />
          </>
        )}
      </main>
      {address.imageId !== null && (
        <PictureDialog
          key={address.imageId}
          imageId={address.imageId}
          hit={found.phase === "done" ? found.value.edges.find(({ node }) => node.id === address.imageId) : undefined}
          onClose={() => go({ ...address, imageId: null }, "replace")}
        />
      )}
      <footer>
        <a href="/graphiql">GraphiQL</a>
        <span>Every score on this page is what the model gave; nothing is a probability.</span>
      </footer>
    </>
  );
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
