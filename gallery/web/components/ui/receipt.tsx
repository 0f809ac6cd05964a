"use client";
import { FileJson } from "lucide-react";
import { formatMoment } from "@/lib/format";
import { messages } from "@/lib/messages";
import { saveFile } from "@/lib/save";
import type { Receipt } from "@/lib/types";
import { Button } from "./button";

const WHEN = /^\d{4}-\d\d-\d\dT/;

/** In the page's words; the file has them as they are. */
const SAID: Record<string, Record<string, string>> = { reason: messages.shared.reasons };

function words(value: unknown): string {
  if (value === null || value === undefined) return messages.none;
  if (typeof value === "boolean") return value ? messages.receipt.yes : messages.receipt.notYet;
  if (Array.isArray(value)) return value.map(words).join(", ") || messages.none;
  if (typeof value === "object") return Object.entries(value).map(([name, part]) => `${name}: ${words(part)}`).join(", ");
  return typeof value === "string" && WHEN.test(value) ? formatMoment(value) : String(value);
}

/** What a receipt says, field by field, and the whole of it as a file to keep. */
export function ReceiptView({ receipt, name }: { receipt: Receipt; name: string }) {
  return (
    <div className="grid gap-3">
      <dl className="grid grid-cols-[minmax(min-content,max-content)_1fr] gap-x-4 gap-y-2 rounded-lg bg-sunken p-4 text-sm sm:gap-x-6">
        {Object.entries(receipt).filter(([, value]) => value !== null).map(([field, value]) => (
          <div key={field} className="contents">
            <dt className="text-muted">{messages.receipt.fields[field] ?? field}</dt>
            <dd className="font-mono text-xs leading-5 break-all">{SAID[field]?.[String(value)] ?? words(value)}</dd>
          </div>
        ))}
      </dl>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p className="text-sm text-muted">{messages.receipt.keep}</p>
        <Button onClick={() => saveFile(new Blob([JSON.stringify(receipt, null, 2)], { type: "application/json" }), `${name}.json`)}>
          <FileJson aria-hidden />
          {messages.receipt.download}
        </Button>
      </div>
    </div>
  );
}
