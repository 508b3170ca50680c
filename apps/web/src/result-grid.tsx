import { useRef } from "react";
import { type Address, EVERYWHERE, formatAddress } from "./address.ts";
import type { Hit } from "./api.ts";
import { useMoves } from "./use-moves.ts";
import { describeMove, formatCosine, formatLogit, formatRerankScore } from "./wording.ts";

interface ResultGridProps {
  readonly hits: readonly Hit[];
  readonly address: Address;
  /** Whether some of the hits may still be judged. */
  readonly isPending?: boolean;
  readonly onOpen: (imageId: string) => void;
}

/** Real links, so that a picture can be opened in another tab; a plain click opens it here. */
export function ResultGrid({ hits, address, isPending = false, onOpen }: ResultGridProps) {
  const grid = useRef<HTMLOListElement>(null);
  useMoves(grid, hits.map(({ node }) => node.id).join());
  return (
    <ol className="grid" ref={grid} aria-busy={isPending}>
      {hits.map((hit) => (
        <li key={hit.node.id} data-id={hit.node.id}>
          <a
            className="card"
            href={formatAddress({ ...address, imageId: hit.node.id })}
            onClick={(event) => {
              if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
              event.preventDefault();
              onOpen(hit.node.id);
            }}
          >
            <span className="card-picture">
              <img
                className={fitsFrame(hit) ? "" : "whole"}
                src={hit.node.thumbnailUrl}
                alt={altOf(hit)}
                loading="lazy"
                decoding="async"
              />
              <span className="rank" aria-hidden="true">
                {hit.rank}
              </span>
            </span>
            <Scores hit={hit} isPending={isPending} isOfMany={address.corpus === EVERYWHERE} />
          </a>
        </li>
      ))}
    </ol>
  );
}

interface ScoresProps {
  readonly hit: Hit;
  readonly isPending?: boolean;
  /** Whether the hits are of several collections. */
  readonly isOfMany?: boolean;
}

export function Scores({ hit, isPending = false, isOfMany = false }: ScoresProps) {
  const unjudged = isPending ? "not yet" : "none";
  return (
    <dl className="scores">
      <div title="Raw logit of BLIP's matching head, which reads picture and text together. Higher is better; not a probability.">
        <dt>match logit</dt>
        <dd>{hit.itmLogit === null ? unjudged : formatLogit(hit.itmLogit)}</dd>
      </div>
      <div title="Cosine of the picture's and the text's embeddings. Higher is nearer.">
        <dt>cosine</dt>
        <dd>{hit.itcCosine === null ? "none" : formatCosine(hit.itcCosine)}</dd>
      </div>
      {hit.rerankScore !== null && (
        <div title="Match logit plus the model's weight times the cosine: what the models see in the picture.">
          <dt>rank score</dt>
          <dd>{formatRerankScore(hit.rerankScore)}</dd>
        </div>
      )}
      {hit.textScore > 0 && (
        <div title="What the picture's own texts (its captions, the names of its file and folder) say for it, 0 to 1: the share of your words that they hold, or how near they are in meaning, the nearest of the collection being 1. Mixed with the rank score into the order.">
          <dt>its texts</dt>
          <dd>{hit.textScore.toFixed(2)}</dd>
        </div>
      )}
      <div title="Place in this answer, and place by cosine alone.">
        <dt>rank</dt>
        <dd>
          {hit.rank} <Move hit={hit} />
        </dd>
      </div>
      {isOfMany && (
        <div>
          <dt>collection</dt>
          <dd className="name">{hit.node.corpus.name}</dd>
        </div>
      )}
    </dl>
  );
}

function Move({ hit }: { hit: Hit }) {
  const before = hit.rankBeforeRerank ?? Number.POSITIVE_INFINITY;
  const direction = hit.rank < before ? "move-up" : hit.rank > before ? "move-down" : "move-none";
  return <span className={`move ${direction}`}>{describeMove(hit.rankBeforeRerank, hit.rank)}</span>;
}

function altOf({ rank, node }: Hit): string {
  return node.captions[0]?.text ?? `Picture ${rank}, no caption`;
}

/** The frame is 4:3: wider than 1.15 and narrower than 2.2 a picture keeps what matters when it is cut to it. */
function fitsFrame({ node }: Hit): boolean {
  if (node.width === null || node.height === null) return true;
  const aspect = node.width / node.height;
  return aspect > 1.15 && aspect < 2.2;
}

const PLACEHOLDERS = Array.from({ length: 12 }, (_, index) => index);

export function LoadingGrid() {
  return (
    <div className="grid" aria-hidden="true">
      {PLACEHOLDERS.map((index) => (
        <div key={index} className="card card-loading">
          <span className="card-picture" />
          <span className="line" />
          <span className="line line-short" />
        </div>
      ))}
    </div>
  );
}
