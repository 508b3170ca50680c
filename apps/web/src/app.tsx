import { useCallback, useEffect, useState } from "react";
import { AddDialog } from "./add-dialog.tsx";
import { tallyOf } from "./added-pictures.ts";
import { type Address, EVERYWHERE, useAddress } from "./address.ts";
import { forgetApiKey, useApiKey } from "./api-key.ts";
import { type Corpus, fetchCorpora, type FoundPictures, isSeen, searchPictures } from "./api.ts";
import { calmly, wantsNoMotion } from "./calm-updates.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { UNAUTHENTICATED } from "./graphql-client.ts";
import { KeyForm } from "./key-form.tsx";
import { PictureDialog } from "./picture-dialog.tsx";
import { JudgingNotice, ReportNotice } from "./report-notice.tsx";
import { LoadingGrid, ResultGrid } from "./result-grid.tsx";
import { MOST_AT_ONCE, SearchForm } from "./search-form.tsx";
import { useAdding } from "./use-adding.ts";
import { type RequestState, useRequest } from "./use-request.ts";
import { countOf } from "./wording.ts";

/** Fills a wide screen about twice; pictures are loaded as they come into view. */
const HITS = 48;
const IDLE = { phase: "idle" } as const;
/** The collection of the first start is no place for the reader's own pictures. */
const DEMO = "demo";
const NEW_COLLECTION = "my pictures";

export function App() {
  const [address, go] = useAddress();
  const [attempt, setAttempt] = useState(0);
  const [isAdding, setAdding] = useState(false);
  const { key, wanted, version } = useApiKey();
  const counted = useCounted(useRequest(`corpora ${version}`, fetchCorpora, attempt));
  const { corpora } = counted;
  const names = corpora.phase === "done" ? corpora.value : [];
  const adding = useAdding(counted.count);
  const { open, added } = tallyOf(adding.pictures);
  const filled = adding.pictures.at(-1)?.corpus;
  const isReady = useSeen(added > 0 && open === 0 ? (filled ?? null) : null);
  const isTooMany = address.corpus === EVERYWHERE && names.length > MOST_AT_ONCE;
  const corpus = (isTooMany ? null : address.corpus) ?? names[0]?.name ?? null;
  const searched = corpus === EVERYWHERE ? names.map(({ name }) => name) : corpus === null ? [] : [corpus];
  const asked = address.text !== "" && searched.length > 0;
  const found = useRequest<FoundPictures>(
    asked ? JSON.stringify([searched, address.text, version]) : null,
    (signal, show) =>
      searchPictures(
        { corpora: searched, text: address.text, first: HITS },
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
        {isOpen && (
          <button type="button" className="quiet" onClick={() => setAdding(true)}>
            {open > 0 ? `Adding ${countOf(open, "picture")} …` : "Add pictures"}
          </button>
        )}
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
            onAdd={() => setAdding(true)}
          />
        )}
      </main>
      {isAdding && (
        <AddDialog
          corpora={names.map(({ name }) => name)}
          proposed={corpus === null || corpus === EVERYWHERE || corpus === DEMO ? NEW_COLLECTION : corpus}
          adding={adding}
          isReady={isReady}
          onShow={() => {
            setAdding(false);
            go({ text: "", corpus: filled ?? null, imageId: null });
          }}
          onClose={() => setAdding(false)}
        />
      )}
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

/**
 * Collections with their counts, which `count` asks for again. Those that are known stay meanwhile: a page that is being read does not go away for a count.
 */
function useCounted(first: RequestState<readonly Corpus[]>) {
  const [asked, setAsked] = useState(0);
  const again = useRequest(asked === 0 ? null : `count ${asked}`, fetchCorpora);
  const [newest, setNewest] = useState<readonly Corpus[] | null>(null);
  useEffect(() => setNewest(null), [first]);
  useEffect(() => {
    if (again.phase === "done") setNewest(again.value);
  }, [again]);
  const count = useCallback(() => setAsked((times) => times + 1), []);
  const corpora = first.phase === "done" && newest !== null ? { ...first, value: newest } : first;
  return { corpora, count };
}

const LOOK_AGAIN_MS = 1_500;

/** Whether the model has seen all pictures of a collection that was added to; it is asked until that is so. Null: nothing is asked. */
function useSeen(corpus: string | null): boolean {
  const [looks, setLooks] = useState(0);
  const seen = useRequest(corpus && `${corpus} ${looks}`, (signal) => isSeen({ name: corpus ?? "" }, signal));
  const isOver = seen.phase === "done" && seen.value;
  const again = seen.phase === "failed" || (seen.phase === "done" && !seen.value);
  useEffect(() => {
    if (!again) return;
    const timer = setTimeout(() => setLooks((times) => times + 1), LOOK_AGAIN_MS);
    return () => clearTimeout(timer);
  }, [again]);
  return corpus !== null && isOver;
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
  readonly onAdd: () => void;
}

function Content({ address, corpus, corpora, found, onRetry, onSearch, onOpen, onAdd }: ContentProps) {
  const names = corpora.phase === "done" ? corpora.value : [];
  return (
    <>
      <Failure of={corpora} onRetry={onRetry} />
      {corpora.phase === "done" && names.length === 0 && <NoCorpus onAdd={onAdd} />}
      {corpora.phase === "done" && names.length > 0 && found.phase === "idle" && (
        <Invitation
          corpora={corpus === EVERYWHERE ? names : names.filter(({ name }) => name === corpus)}
          onSearch={onSearch}
        />
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
        {isFinal && (page.edges.length === 0 ? `No pictures in ${titleOf(corpus)} yet.` : `${pictures}, best first`)}
      </p>
      {isFinal && page.verdict?.verdict === "NONE" && (
        <div className="notice notice-degraded" role="status">
          <p>
            <strong>Probably nothing in {titleOf(corpus)} shows this.</strong> These are the nearest pictures.
          </p>
        </div>
      )}
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

function titleOf(corpus: string | null): string {
  return corpus === EVERYWHERE ? "your collections" : `“${corpus}”`;
}

function Invitation({ corpora, onSearch }: { corpora: readonly Corpus[]; onSearch: (text: string) => void }) {
  const [first, ...others] = corpora;
  const pictures = corpora.reduce((sum, { imageCount }) => sum + imageCount, 0);
  const place = others.length > 0 ? `${corpora.length} collections` : `“${first?.name}”`;
  return (
    <section className="invitation">
      <h1>Describe a picture, find it</h1>
      <p>
        {first === undefined
          ? "Choose a collection and say in a few words what its pictures should show."
          : `Say in a few words what you are looking for among the ${countOf(pictures, "picture")} of ${place}.`}
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

function NoCorpus({ onAdd }: { onAdd: () => void }) {
  return (
    <section className="invitation">
      <h1>There are no pictures yet</h1>
      <p>
        <button type="button" className="primary" onClick={onAdd}>
          Add pictures
        </button>
      </p>
      <p>Or bring in a whole folder from a terminal, then load this page again:</p>
      <pre>npx medley ingest PATH --corpus my-pictures</pre>
    </section>
  );
}
