"use client";
import { useQuery } from "@tanstack/react-query";
import { ChevronRight, RectangleHorizontal, RectangleVertical, Square, WandSparkles, X } from "lucide-react";
import { api } from "@/lib/api";
import { useAttempt } from "@/lib/attempts";
import { formatDate } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { Aspect, Generation, Person } from "@/lib/types";
import { Button, IconButton } from "../ui/button";
import { Choice, Input, Select, TextArea } from "../ui/field";
import { cn } from "../ui/cn";
import { ErrorNotice } from "../ui/notice";
import { chosen, type Draft, requestOf } from "./draft";

const words = messages.studio;
/** Of a prompt; the API refuses more. */
const MOST_LETTERS = 500;
const COUNTS = [1, 2, 3, 4, 5, 6].map((count) => [count, count] as const);
const ASPECTS = (
  [["square", Square], ["portrait", RectangleVertical], ["landscape", RectangleHorizontal]] as const
).map(([aspect, Icon]) => [aspect, <Icon key={aspect} className="size-4" role="img" aria-label={words.aspects[aspect]} />] as const);

interface Props {
  people: Person[];
  draft: { draft: Draft; change: (part: Partial<Draft>) => void };
  onDraw: (run: Generation) => void;
}

export function Composer({ people, draft: { draft, change }, onDraw }: Props) {
  const { person, version } = chosen(draft, people);
  const draw = useChange(api.generate, "people");
  const attempt = useAttempt();
  if (!person || !version) return null;
  const { per_day, used_today, until } = version.right;
  return (
    <form
      className="grid gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        const wish = requestOf(draft, version.id);
        draw.mutate({ ...wish, attempt: attempt.of(wish) }, {
          onSuccess: (run) => {
            attempt.answered();
            onDraw(run);
          },
        });
      }}
    >
      <TextArea
        id="prompt"
        label={words.prompt}
        rows={4}
        required
        maxLength={MOST_LETTERS}
        value={draft.prompt}
        placeholder={words.promptHint(person.name)}
        onChange={(event) => change({ prompt: event.target.value, preset: null })}
        onKeyDown={(event) => event.key === "Enter" && (event.metaKey || event.ctrlKey) && event.currentTarget.form?.requestSubmit()}
      />
      {draft.like && <Like like={draft.like} onDrop={() => change({ like: null })} />}
      <Presets draft={draft} change={change} />
      <div className="flex gap-3 empty:hidden">
        <Which label={words.person} of={people} value={person.id} onChange={(id) => change({ person: id, version: null })} />
        <Which label={words.version} of={person.versions} value={version.id} onChange={(id) => change({ version: id })} />
      </div>
      <div className="grid grid-cols-[3fr_2fr] gap-3">
        <Choice label={words.count} name="count" value={draft.count} options={COUNTS} onChange={(count) => change({ count })} />
        <Choice<Aspect> label={words.aspect} name="aspect" value={draft.aspect} options={ASPECTS} onChange={(aspect) => change({ aspect })} />
      </div>
      <More draft={draft} change={change} />
      <ErrorNotice error={draw.error} />
      <div className="grid gap-2">
        <Button type="submit" variant="primary" className="min-h-12 text-base" disabled={draw.isPending}>
          <WandSparkles aria-hidden />
          {words.draw(draft.count)}
        </Button>
        <p className="text-center text-xs text-muted">
          {words.usedToday(used_today, per_day)}
          {until && ` · ${words.until(formatDate(until))}`}
        </p>
      </div>
    </form>
  );
}

/** Shown where there is something to choose. */
function Which({ label, of, value, onChange }: { label: string; of: { id: string; name: string }[]; value: string; onChange: (id: string) => void }) {
  if (of.length < 2) return null;
  return (
    <Select label={label} value={value} className="flex-1" onChange={(event) => onChange(event.target.value)}>
      {of.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </Select>
  );
}

function Like({ like, onDrop }: { like: NonNullable<Draft["like"]>; onDrop: () => void }) {
  return (
    <div className="flex items-center gap-3 rounded-lg bg-accent-soft p-2 text-sm">
      <img src={like.thumb_url} alt="" className="size-12 rounded-md object-cover" />
      <span className="flex-1">{words.likeThis}</span>
      <IconButton label={words.dropLike} onClick={onDrop}>
        <X aria-hidden />
      </IconButton>
    </div>
  );
}

function Presets({ draft, change }: Pick<Props["draft"], "draft" | "change">) {
  const presets = useQuery({ queryKey: ["presets"], queryFn: api.presets, staleTime: Infinity });
  if (!presets.data?.length) return null;
  return (
    <div role="group" aria-label={words.presets} className="flex flex-wrap gap-1.5">
      {presets.data.map(({ id, title, prompt }) => (
        <button
          key={id}
          type="button"
          aria-pressed={draft.preset === id}
          onClick={() => change(draft.preset === id ? { preset: null } : { preset: id, prompt })}
          className={cn("min-h-10 rounded-full border px-3 text-sm", draft.preset === id ? "border-accent bg-accent-soft" : "border-line bg-surface hover:bg-sunken")}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

function More({ draft, change }: Pick<Props["draft"], "draft" | "change">) {
  return (
    <details className="group rounded-xl border border-line">
      <summary className="flex min-h-11 list-none items-center gap-2 px-3 text-sm font-medium [&::-webkit-details-marker]:hidden">
        <ChevronRight className="size-4 group-open:rotate-90" aria-hidden />
        {words.more}
      </summary>
      <div className="grid gap-4 p-3 pt-1">
        <div className="grid gap-1.5">
          <label htmlFor="strength" className="flex justify-between text-sm font-medium">
            {words.strength}
            <output htmlFor="strength" className="text-muted tabular-nums">
              {draft.strength.toFixed(2)}
            </output>
          </label>
          <input id="strength" type="range" min={0.1} max={1} step={0.05} value={draft.strength} className="h-8 accent-(--accent)" onChange={(event) => change({ strength: Number(event.target.value) })} />
          <p className="text-xs text-muted">{words.strengthHint}</p>
        </div>
        <Input label={words.seed} hint={words.seedHint} type="number" min={0} max={2147483647} step={1} value={draft.seed} onChange={(event) => change({ seed: event.target.value })} />
        <TextArea label={words.negative} rows={2} maxLength={MOST_LETTERS} value={draft.negative} onChange={(event) => change({ negative: event.target.value })} />
      </div>
    </details>
  );
}
