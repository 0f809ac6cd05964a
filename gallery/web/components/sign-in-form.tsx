"use client";
import { type FormEvent, useState } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import { PasskeySignIn } from "./passkeys";
import { Button } from "./ui/button";
import { Input, LEAST_PASSWORD, MOST_NAME } from "./ui/field";
import { ErrorNotice } from "./ui/notice";

const words = messages.signIn;
export type Mode = "signIn" | "signUp" | "confirm" | "forgot" | "reset";

const titles: Record<Mode, string> = { signIn: words.signIn, signUp: words.signUp, confirm: words.confirm, forgot: words.reset, reset: words.reset };
const buttons: Record<Mode, string> = { ...titles, forgot: words.sendReset, confirm: words.confirmDo };
interface Props {
  mode: Mode;
  setMode: (mode: Mode) => void;
  token: string;
  invited: boolean;
  canSignUp: boolean;
}

/** A fresh page, so nothing of another account stays in memory. */
const enter = () => window.location.assign("/");

export function SignInForm({ mode, setMode, token, invited, canSignUp }: Props) {
  const [note, setNote] = useState<string | null>(null);
  const acts: Record<Mode, (field: (name: string) => string) => Promise<unknown>> = {
    signIn: (field) => api.signIn({ email: field("email"), password: field("password") }).then(enter),
    signUp: (field) =>
      api
        .signUp({ email: field("email"), password: field("password"), name: field("name"), ...(invited && { invitation: token }) })
        .then((answer) => ("sent" in answer ? setNote(words.confirmSent) : enter())),
    confirm: (field) => api.confirmSignUp(token, field("password")).then(enter),
    forgot: (field) => api.forgotPassword(field("email")).then(() => setNote(words.resetSent)),
    reset: (field) => api.resetPassword(token, field("password")).then(() => setNote(words.resetDone)),
  };
  const act = useChange((form: FormData) => acts[mode]((name) => String(form.get(name) ?? "")));
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    act.mutate(new FormData(event.currentTarget));
  }
  const fresh = mode !== "signIn";
  const chosen = mode === "signUp" || mode === "reset";
  return (
    <form onSubmit={submit} className="grid gap-4">
      <h1 className="text-xl font-semibold">{titles[mode]}</h1>
      {mode === "signUp" && invited && <p className="text-sm text-muted">{words.invited}</p>}
      {note ? (
        <p role="status" className="rounded-lg bg-sunken p-3 text-sm">
          {note}
        </p>
      ) : (
        <>
          {mode === "signUp" && <Input label={words.name} name="name" required maxLength={MOST_NAME} autoComplete="name" hint={words.nameHint} />}
          {mode !== "reset" && mode !== "confirm" && <Input label={words.email} name="email" type="email" required autoComplete="username" />}
          {mode !== "forgot" && (
            <Input
              label={mode === "reset" ? words.newPassword : words.password}
              name="password"
              type="password"
              required
              minLength={chosen ? LEAST_PASSWORD : undefined}
              autoComplete={chosen ? "new-password" : "current-password"}
              hint={chosen ? words.passwordHint(LEAST_PASSWORD) : undefined}
            />
          )}
          <ErrorNotice error={act.error} />
          <Button type="submit" variant="primary" disabled={act.isPending}>
            {buttons[mode]}
          </Button>
          {!fresh && <PasskeySignIn onEnter={enter} />}
        </>
      )}
      <div className="flex flex-wrap justify-between gap-x-4 gap-y-1 text-sm">
        {fresh && <Switch to="signIn" words={words.toSignIn} onSwitch={setMode} />}
        {!fresh && canSignUp && <Switch to="signUp" words={words.toSignUp} onSwitch={setMode} />}
        {!fresh && <Switch to="forgot" words={words.forgot} onSwitch={setMode} />}
      </div>
      {!fresh && !canSignUp && <p className="text-sm text-muted">{words.invitationOnly}</p>}
    </form>
  );
}

function Switch({ to, words: text, onSwitch }: { to: Mode; words: string; onSwitch: (mode: Mode) => void }) {
  return (
    <button type="button" className="min-h-8 text-accent underline underline-offset-4" onClick={() => onSwitch(to)}>
      {text}
    </button>
  );
}
