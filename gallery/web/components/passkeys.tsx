"use client";
import { useQuery } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import type { FormEvent } from "react";
import { api, ApiError } from "@/lib/api";
import { formatDate, formatMoment } from "@/lib/format";
import { messages } from "@/lib/messages";
import { addPasskey, signInByPasskey } from "@/lib/passkeys";
import { useChange, useSession } from "@/lib/queries";
import { Button } from "./ui/button";
import { Input, MOST_NAME } from "./ui/field";
import { ErrorNotice, panel, Section } from "./ui/notice";

const words = messages.passkeys;

/** What the API says, or that the browser made none: whoever closed its window knows why. */
const Trouble = ({ error }: { error: unknown }) =>
  error instanceof ApiError || !error ? (
    <ErrorNotice error={error} />
  ) : (
    <p role="alert" className="text-sm text-danger">
      {words.failed}
    </p>
  );

/** The user's passkeys: added with the password, removed at once. */
export function Passkeys() {
  const { data: session } = useSession();
  const enabled = session?.settings.passkeys ?? false;
  const passkeys = useQuery({ queryKey: ["passkeys"], queryFn: api.passkeys, enabled });
  const add = useChange(addPasskey, "passkeys");
  const remove = useChange(api.removePasskey, "passkeys");
  if (!enabled) return null;
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const fields = new FormData(form);
    add.mutate({ name: String(fields.get("name")), password: String(fields.get("password")) }, { onSuccess: () => form.reset() });
  }
  return (
    <Section title={words.title}>
      <p className="text-sm text-muted">{words.text}</p>
      <ErrorNotice error={passkeys.error ?? remove.error} />
      <ul className="grid gap-2">
        {passkeys.data?.map(({ id, name, created, used }) => (
          <li key={id} className={`${panel} flex flex-wrap items-center justify-between gap-3 text-sm`}>
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">{name}</p>
              <p className="text-muted">{used ? words.used(formatMoment(used)) : words.added(formatDate(created))}</p>
            </div>
            <Button aria-label={words.removeNamed(name)} disabled={remove.isPending} onClick={() => remove.mutate(id)}>
              {words.remove}
            </Button>
          </li>
        ))}
      </ul>
      <form onSubmit={submit} className={`${panel} grid max-w-2xl gap-4`}>
        <div className="grid gap-4 sm:grid-cols-2">
          <Input label={words.name} name="name" required maxLength={MOST_NAME} placeholder={words.nameHint} />
          <Input label={words.password} name="password" type="password" required autoComplete="current-password" />
        </div>
        <Trouble error={add.error} />
        <Button type="submit" className="justify-self-start" disabled={add.isPending}>
          <KeyRound aria-hidden />
          {words.add}
        </Button>
      </form>
    </Section>
  );
}

export function PasskeySignIn({ onEnter }: { onEnter: () => void }) {
  const { data: session } = useSession();
  const enter = useChange(signInByPasskey);
  if (!session?.settings.passkeys) return null;
  return (
    <>
      <Button disabled={enter.isPending} onClick={() => enter.mutate(undefined, { onSuccess: onEnter })}>
        <KeyRound aria-hidden />
        {words.signIn}
      </Button>
      <Trouble error={enter.error} />
    </>
  );
}
