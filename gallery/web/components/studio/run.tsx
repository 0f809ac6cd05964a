"use client";
import { Ban, RotateCcw, ShieldAlert } from "lucide-react";
import { useEffect, useState } from "react";
import { api } from "@/lib/api";
import { isRunning } from "@/lib/events";
import { formatMoment, formatSeconds } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { Generation } from "@/lib/types";
import { Button, IconButton } from "../ui/button";
import { cn } from "../ui/cn";

const words = messages.run;
const shapes = { square: "aspect-square", portrait: "aspect-[4/5]", landscape: "aspect-[5/4]" };

/** One sentence on where a run stands. */
function standing(run: Generation): string {
  if (run.status === "queued") return run.place === null ? words.queued : words.place(run.place);
  if (run.status === "drawing") return words.drawing(run.done, run.count);
  if (run.status === "failed") return `${run.error ?? words.failed} ${words.free}`;
  if (run.status === "cancelled") return `${run.error ?? words.cancelled} ${words.free}`;
  return words.done(run.pictures.length);
}

export function Run({ run, onOpen, onAgain }: { run: Generation; onOpen: (picture: string) => void; onAgain: () => void }) {
  const running = isRunning(run);
  const waiting = running ? Math.max(0, run.count - run.done) : 0;
  const pictures = run.pictures.length + waiting;
  return (
    <article id={`run-${run.id}`} className="grid scroll-mt-20 scroll-mb-24 gap-3" aria-label={run.prompt}>
      <header className="flex items-start gap-3">
        <div className="grid min-w-0 flex-1 gap-0.5">
          <h2 className="line-clamp-2 leading-snug font-medium wrap-anywhere">{run.prompt}</h2>
          <p className="text-sm text-muted">
            {run.kind === "upscale" && `${words.upscale} · `}
            {run.person} · {standing(run)}
            {running && run.seconds_left === null && ` · ${words.nobody}`}
            {running && run.seconds_left !== null && <TimeLeft key={`${run.done} ${run.place} ${run.seconds_left}`} seconds={run.seconds_left} />}
            {!running && ` · ${formatMoment(run.created)}`}
          </p>
        </div>
        {running ? (
          <Cancel run={run} />
        ) : (
          <IconButton label={words.again} onClick={onAgain}>
            <RotateCcw aria-hidden />
          </IconButton>
        )}
      </header>
      {running && <progress aria-label={words.progress} className="progress" value={run.done} max={run.count} />}
      {pictures > 0 && (
        <ul className={cn("grid gap-2 sm:gap-3", pictures === 1 ? "max-w-xl grid-cols-1" : "grid-cols-2 md:grid-cols-3 xl:grid-cols-4")}>
          {run.pictures.map((picture) => (
            <li key={picture.id}>
              <button type="button" onClick={() => onOpen(picture.id)} className="block w-full overflow-hidden rounded-xl bg-sunken" aria-label={messages.picture.open(messages.picture.alt(picture.person, picture.prompt))}>
                <img src={pictures === 1 ? picture.url : picture.thumb_url} alt="" decoding="async" className={cn("w-full object-cover object-top", shapes[run.aspect])} />
              </button>
            </li>
          ))}
          {Array.from({ length: waiting }, (_, index) => (
            <li key={index}>
              <div role="img" aria-label={words.waiting} className={cn("rounded-xl bg-sunken", run.status === "drawing" && "animate-pulse", shapes[run.aspect])} />
            </li>
          ))}
        </ul>
      )}
      {run.refused.length > 0 && <Refused run={run} />}
    </article>
  );
}

/** Counts down from what the server said last: it says something new only when a picture is there. */
function TimeLeft({ seconds }: { seconds: number }) {
  const [passed, setPassed] = useState(0);
  useEffect(() => {
    const began = performance.now();
    const timer = setInterval(() => setPassed((performance.now() - began) / 1000), 1000);
    return () => clearInterval(timer);
  }, []);
  return <> · {passed < seconds ? words.left(formatSeconds(seconds - passed)) : words.longer}</>;
}

function Refused({ run }: { run: Generation }) {
  const sentences = [...new Set(run.refused.map(({ sentence }) => sentence))];
  return (
    <div className="flex gap-3 rounded-lg bg-sunken p-3 text-sm">
      <ShieldAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
      <div>
        <p className="font-medium">{words.refused(run.refused.length)}</p>
        {sentences.map((sentence) => (
          <p key={sentence} className="text-muted">
            {sentence}
          </p>
        ))}
      </div>
    </div>
  );
}

function Cancel({ run }: { run: Generation }) {
  const cancel = useChange(api.cancel, "generations", "people");
  return (
    <Button disabled={cancel.isPending} onClick={() => cancel.mutate(run.id)} className="max-sm:px-3">
      <Ban aria-hidden />
      <span className="max-sm:sr-only">{words.cancel}</span>
    </Button>
  );
}
