"use client";
import { useQueryClient } from "@tanstack/react-query";
import { ImagePlus, UserX } from "lucide-react";
import { useEffect, useState } from "react";
import { addGeneration, isRunning, useGenerations } from "@/lib/events";
import { messages } from "@/lib/messages";
import { usePeople } from "@/lib/queries";
import type { Generation, Picture } from "@/lib/types";
import { SignedIn } from "../signed-in";
import { Empty, ErrorNotice, Loading } from "../ui/notice";
import { Viewer } from "../viewer/viewer";
import { Composer } from "./composer";
import { takeLike, useDraft } from "./draft";
import { Run } from "./run";

export const Studio = () => <SignedIn wide>{() => <Desk />}</SignedIn>;

function Desk() {
  const client = useQueryClient();
  const people = usePeople();
  const runs = useGenerations();
  const draft = useDraft();
  const [open, setOpen] = useState<string | null>(null);
  const [begun, setBegun] = useState<string | null>(null);
  const pictures = (runs.data ?? []).flatMap((run) => run.pictures);
  // On a small screen the runs lie below the form. `void`: what a browser's function gives, newer ones a promise, is no effect's end.
  useEffect(() => void document.getElementById(`run-${begun}`)?.scrollIntoView({ block: "nearest" }), [begun]);

  function draw(run: Generation) {
    addGeneration(client, run);
    setBegun(run.id);
  }

  function like(picture: Picture) {
    draft.change(takeLike(picture, people.data ?? []));
    setOpen(null);
    document.getElementById("prompt")?.scrollIntoView({ block: "center" });
  }

  if (people.isError) return <ErrorNotice error={people.error} onRetry={() => void people.refetch()} />;
  if (people.data?.length === 0)
    return (
      <Empty icon={<UserX aria-hidden />} title={messages.studio.nobody}>
        {messages.studio.nobodyText}
      </Empty>
    );
  return (
    <div className="grid gap-8 lg:grid-cols-[24rem_1fr] lg:gap-10">
      <h1 className="sr-only">{messages.studio.title}</h1>
      <div className="lg:sticky lg:top-20 lg:max-h-[calc(100dvh-6rem)] lg:self-start lg:overflow-y-auto lg:pr-1">
        {people.data ? <Composer people={people.data} draft={draft} onDraw={draw} /> : <Loading />}
      </div>
      <section aria-label={messages.studio.runs} className="grid content-start gap-8">
        {runs.isError && <ErrorNotice error={runs.error} onRetry={() => void runs.refetch()} />}
        {runs.data?.length === 0 && (
          <Empty icon={<ImagePlus aria-hidden />} title={messages.studio.empty}>
            {messages.studio.emptyText}
          </Empty>
        )}
        {runs.data?.map((run) => <Run key={run.id} run={run} onOpen={setOpen} onAgain={() => draft.change({ prompt: run.prompt, negative: run.negative ?? "" })} />)}
        <p className="sr-only" aria-live="polite">
          {runs.data?.filter(isRunning).map((run) => messages.run.drawing(run.done, run.count)).join(". ")}
        </p>
      </section>
      {open && <Viewer pictures={pictures} open={open} onMove={setOpen} onClose={() => setOpen(null)} onLike={like} />}
    </div>
  );
}
