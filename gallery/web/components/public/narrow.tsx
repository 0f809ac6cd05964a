"use client";
import { type FormEvent } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { Portrayed } from "@/lib/types";
import { Button } from "../ui/button";
import { Checkbox, Input } from "../ui/field";
import { ErrorNotice, panel, Section } from "../ui/notice";

const words = messages.portrayed;

export function Narrow({ token, page }: { token: string; page: Portrayed }) {
  const narrow = useChange((form: FormData) => {
    const most = String(form.get("per_day") ?? "");
    return api.narrow(token, { kinds: page.kinds.filter((kind) => form.getAll("kinds").includes(kind)), per_day: most === "" ? null : Number(most) });
  }, "portrayed");
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    narrow.mutate(new FormData(event.currentTarget));
  }
  return (
    <Section title={words.narrow}>
      <form onSubmit={submit} className={`${panel} grid gap-4`}>
        <p className="text-sm text-muted">{words.narrowText}</p>
        <fieldset className="grid gap-x-4 sm:grid-cols-3">
          <legend className="text-sm font-medium">{words.kinds}</legend>
          {page.kinds.map((kind) => (
            <Checkbox key={kind} name="kinds" value={kind} label={words.kindNames[kind] ?? kind} defaultChecked />
          ))}
        </fieldset>
        <Input label={words.perDay} name="per_day" type="number" min={0} step={1} defaultValue={page.per_day ?? ""} className="max-w-xs" />
        <ErrorNotice error={narrow.error} />
        <div className="flex flex-wrap items-center gap-3">
          <Button type="submit" disabled={narrow.isPending}>
            {messages.save}
          </Button>
          {narrow.isSuccess && (
            <p role="status" className="text-sm text-good">
              {words.narrowed}
            </p>
          )}
        </div>
      </form>
    </Section>
  );
}
