"use client";
import { useState } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { Receipt } from "@/lib/types";
import { Button } from "../ui/button";
import { Input } from "../ui/field";
import { ErrorNotice, Section } from "../ui/notice";

const words = messages.portrayed;

export function Revoke({ token, name, onRevoked }: { token: string; name: string; onRevoked: (receipt: Receipt) => void }) {
  const [typed, setTyped] = useState("");
  const revoke = useChange(async () => onRevoked(await api.revoke(token, typed)));
  return (
    <Section title={words.revoke}>
      <form
        className="grid gap-4 rounded-xl border border-danger/50 bg-surface p-4"
        onSubmit={(event) => {
          event.preventDefault();
          revoke.mutate(undefined);
        }}
      >
        <p className="text-sm">{words.revokeText}</p>
        <Input label={words.confirm(name)} value={typed} autoComplete="off" className="max-w-xs" onChange={(event) => setTyped(event.target.value)} />
        <ErrorNotice error={revoke.error} />
        <Button type="submit" variant="danger" className="justify-self-start" disabled={typed !== name || revoke.isPending}>
          {words.revokeDo}
        </Button>
      </form>
    </Section>
  );
}
