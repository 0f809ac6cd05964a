"use client";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import { Button } from "../ui/button";
import { CopyLink } from "../ui/copy-link";
import { ErrorNotice, panel, Section } from "../ui/notice";

const words = messages.portrayed;

export function Renew({ token }: { token: string }) {
  const renew = useChange(() => api.renewLink(token));
  return (
    <Section title={words.renew}>
      <div className={`${panel} grid gap-4`}>
        <p className="text-sm text-muted">{words.renewText}</p>
        <ErrorNotice error={renew.error} />
        {renew.data ? (
          <CopyLink label={words.newLink} url={renew.data.url} />
        ) : (
          <Button className="justify-self-start" disabled={renew.isPending} onClick={() => renew.mutate(undefined)}>
            {words.renewDo}
          </Button>
        )}
      </div>
    </Section>
  );
}
