"use client";
import { Flag } from "lucide-react";
import Link from "next/link";
import { type FormEvent, useState } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import type { TakedownReason } from "@/lib/types";
import { useChange } from "@/lib/queries";
import { Button, buttonClass } from "../ui/button";
import { Input, MOST_NAME, Select, TextArea } from "../ui/field";
import { ErrorNotice, panel } from "../ui/notice";

const words = messages.shared;

export function Report({ token }: { token: string }) {
  const [open, setOpen] = useState(false);
  const report = useChange((form: FormData) => {
    const field = (name: string) => String(form.get(name) ?? "");
    return api.takedown(token, { name: field("name"), email: field("email"), reason: field("reason") as TakedownReason, statement: field("statement") });
  });
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    report.mutate(new FormData(event.currentTarget));
  }
  if (report.data)
    return (
      <section role="status" className={`${panel} grid justify-items-start gap-3`}>
        <h2 className="font-semibold">{words.sent}</h2>
        <p className="text-sm text-muted">{words.sentText}</p>
        <Link href={`/t/${encodeURIComponent(report.data.receipt)}`} className={buttonClass()}>
          {words.follow}
        </Link>
      </section>
    );
  if (!open)
    return (
      <Button className="justify-self-start" onClick={() => setOpen(true)}>
        <Flag aria-hidden />
        {words.report}
      </Button>
    );
  return (
    <form onSubmit={submit} className={`${panel} grid gap-4`}>
      <div>
        <h2 className="font-semibold">{words.report}</h2>
        <p className="text-sm text-muted">{words.reportText}</p>
      </div>
      <div className="grid gap-4 sm:grid-cols-2">
        <Input label={words.yourName} name="name" required maxLength={MOST_NAME} autoComplete="name" />
        <Input label={words.yourEmail} name="email" type="email" required autoComplete="email" />
      </div>
      <Select label={words.reason} name="reason">
        {Object.entries(words.reasons).map(([reason, text]) => (
          <option key={reason} value={reason}>
            {text}
          </option>
        ))}
      </Select>
      <TextArea label={words.statement} name="statement" required rows={4} maxLength={4000} />
      <ErrorNotice error={report.error} />
      <Button type="submit" variant="primary" className="justify-self-start" disabled={report.isPending}>
        {words.send}
      </Button>
    </form>
  );
}
