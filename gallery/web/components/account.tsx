"use client";
import { useQuery } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { browserOf, formatMoment } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useChange, usePeople } from "@/lib/queries";
import type { User } from "@/lib/types";
import { Passkeys } from "./passkeys";
import { signOut } from "./shell";
import { SignedIn } from "./signed-in";
import { Button } from "./ui/button";
import { Badge, ErrorNotice, Loading, panel, Section } from "./ui/notice";

const words = messages.account;

export const Account = () => (
  <SignedIn>
    {(user) => (
      <div className="grid grid-cols-[minmax(0,1fr)] gap-9">
        <h1 className="text-xl font-semibold">{words.title}</h1>
        <You user={user} />
        <Rights />
        <Passkeys />
        <SignIns />
        <Shares />
      </div>
    )}
  </SignedIn>
);

function You({ user }: { user: User }) {
  return (
    <Section title={words.you}>
      <div className={`${panel} flex flex-wrap items-center justify-between gap-2`}>
        <div>
          <p className="font-medium">{user.name}</p>
          <p className="text-sm text-muted">{user.email}</p>
        </div>
        <Badge>{words.roles[user.role]}</Badge>
      </div>
    </Section>
  );
}

function Rights() {
  const people = usePeople();
  if (!people.data) return null;
  return (
    <Section title={words.rights}>
      <ul className={`${panel} grid gap-3 text-sm`}>
        {people.data.length === 0 && <li>{messages.studio.nobody}</li>}
        {people.data.flatMap((person) =>
          person.versions.map(({ id, name, right }) => (
            <li key={id} className="flex flex-wrap justify-between gap-x-4">
              <span className="font-medium">
                {person.name} · {name}
              </span>
              <span className="text-muted">
                {messages.studio.usedToday(right.used_today, right.per_day)}
                {right.until && ` · ${messages.studio.until(formatMoment(right.until))}`}
              </span>
            </li>
          )),
        )}
      </ul>
    </Section>
  );
}

function SignIns() {
  const signIns = useQuery({ queryKey: ["sign-ins"], queryFn: api.signIns });
  const end = useChange(api.endSignIn, "sign-ins");
  const everywhere = useChange(async () => {
    for (const { id, this: here } of signIns.data ?? []) if (!here) await api.endSignIn(id);
    await signOut();
  });
  return (
    <Section
      title={words.sessions}
      aside={
        <Button onClick={() => everywhere.mutate(undefined)} disabled={everywhere.isPending || !signIns.data}>
          {words.everywhere}
        </Button>
      }
    >
      <ErrorNotice error={signIns.error ?? end.error ?? everywhere.error} />
      {signIns.isPending && <Loading />}
      <ul className="grid gap-2">
        {signIns.data?.map(({ id, agent, seen, this: here }) => (
          <li key={id} className={`${panel} flex flex-wrap items-center justify-between gap-3 text-sm`}>
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">
                {browserOf(agent)} {here && <Badge tone="accent">{words.here}</Badge>}
              </p>
              <p className="text-muted">
                {words.seen(formatMoment(seen))}
              </p>
            </div>
            {!here && (
              <Button disabled={end.isPending} onClick={() => end.mutate(id)}>
                {words.end}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Shares() {
  const shares = useQuery({ queryKey: ["shares"], queryFn: api.shares });
  const end = useChange(api.endShare, "shares");
  return (
    <Section title={messages.share.yours}>
      <ErrorNotice error={shares.error ?? end.error} />
      {shares.data?.length === 0 && <p className="text-sm text-muted">{messages.share.none}</p>}
      <ul className="grid gap-2">
        {shares.data?.map(({ id, picture_id, expires, password, held }) => (
          <li key={id} className={`${panel} flex flex-wrap items-center justify-between gap-3 text-sm`}>
            <img src={`/api/pictures/${picture_id}/file?size=thumb`} alt={messages.share.picture} className="size-12 rounded-lg object-cover object-top" />
            <p className="min-w-0 flex-1 text-muted">
              {messages.share.made(formatMoment(expires))}
              {password && `, ${messages.share.withPassword}`}
              {held && `, ${messages.share.held}`}
            </p>
            <Button disabled={end.isPending} onClick={() => end.mutate(id)}>
              {messages.share.end}
            </Button>
          </li>
        ))}
      </ul>
    </Section>
  );
}
