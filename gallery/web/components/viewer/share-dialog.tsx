"use client";
import { type FormEvent, useState } from "react";
import { api } from "@/lib/api";
import { formatMoment } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { Picture } from "@/lib/types";
import { Button } from "../ui/button";
import { CopyLink } from "../ui/copy-link";
import { Dialog } from "../ui/dialog";
import { Input, LEAST_PASSWORD, Select } from "../ui/field";
import { ErrorNotice } from "../ui/notice";

const words = messages.share;

export function ShareDialog({ picture, onClose }: { picture: Picture; onClose: () => void }) {
  const [hours, setHours] = useState(words.hours[1][0] as number);
  const [password, setPassword] = useState("");
  const share = useChange(() => api.share(picture.id, { expires_hours: hours, ...(password && { password }) }), "shares");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    share.mutate(undefined);
  };
  return (
    <Dialog title={words.title} onClose={onClose}>
      {share.data ? (
        <>
          <CopyLink label={words.link} url={share.data.url} />
          <p role="status" className="text-sm text-muted">
            {words.made(formatMoment(share.data.expires))}
          </p>
        </>
      ) : (
        <form onSubmit={submit} className="grid gap-4">
          <p className="text-sm text-muted">{words.text}</p>
          <Select label={words.expires} value={hours} onChange={(event) => setHours(Number(event.target.value))}>
            {words.hours.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </Select>
          <Input label={words.password} hint={messages.signIn.passwordHint(LEAST_PASSWORD)} type="password" minLength={LEAST_PASSWORD} autoComplete="new-password" value={password} onChange={(event) => setPassword(event.target.value)} />
          <ErrorNotice error={share.error} />
          <Button type="submit" variant="primary" disabled={share.isPending}>
            {words.make}
          </Button>
        </form>
      )}
    </Dialog>
  );
}
