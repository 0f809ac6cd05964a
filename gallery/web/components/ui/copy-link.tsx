"use client";
import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { messages } from "@/lib/messages";
import { Button } from "./button";
import { Input } from "./field";

export function CopyLink({ label, url }: { label: string; url: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div className="flex items-end gap-2">
      <Input label={label} readOnly value={url} className="flex-1" onFocus={(event) => event.target.select()} />
      <Button onClick={() => void navigator.clipboard.writeText(url).then(() => setCopied(true))}>
        {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
        {copied ? messages.copied : messages.copy}
      </Button>
    </div>
  );
}
