"use client";
import type { FormEvent } from "react";
import { messages } from "@/lib/messages";
import { Button } from "../ui/button";
import { Input } from "../ui/field";
import { panel } from "../ui/notice";

const words = messages.shared;

export function Password({ wrong, onOpen }: { wrong: boolean; onOpen: (password: string) => void }) {
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    onOpen(String(new FormData(event.currentTarget).get("password") ?? ""));
  }
  return (
    <form onSubmit={submit} className={`${panel} mx-auto mt-8 grid max-w-sm gap-4 p-6`}>
      <h1 className="text-lg font-semibold">{words.locked}</h1>
      <p className="text-sm text-muted">{words.lockedText}</p>
      <Input label={messages.signIn.password} name="password" type="password" required autoComplete="off" />
      {wrong && (
        <p role="alert" className="text-sm text-danger">
          {words.wrong}
        </p>
      )}
      <Button type="submit" variant="primary">
        {words.open}
      </Button>
    </form>
  );
}
