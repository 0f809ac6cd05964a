"use client";
import { useState } from "react";
import type { DoorName } from "@/lib/doors";
import { messages } from "@/lib/messages";
import type { Session } from "@/lib/types";
import { Shell } from "./shell";
import { type Mode, SignInForm } from "./sign-in-form";
import { panel } from "./ui/notice";

const MODES: Record<DoorName, Mode> = { "sign-in": "signIn", invitation: "signUp", confirm: "confirm", reset: "reset" };

/** What somebody sees who is not signed in, or who comes by the link of a mail. */
export function Welcome({ settings, door = "sign-in", token = "" }: { settings: Session["settings"]; door?: DoorName; token?: string }) {
  const [mode, setMode] = useState(MODES[door]);
  const invited = door === "invitation" && token !== "";
  return (
    <Shell>
      <div className="grid gap-10 py-4 sm:py-12 md:grid-cols-2 md:gap-16">
        <div className="grid content-start gap-6 max-md:order-2">
          <p className="text-3xl font-semibold tracking-tight text-balance max-md:hidden">{messages.tagline}</p>
          <ul className="grid gap-4 text-sm">
            {messages.signIn.points.map(([title, text]) => (
              <li key={title}>
                <p className="font-semibold">{title}</p>
                <p className="text-muted">{text}</p>
              </li>
            ))}
          </ul>
        </div>
        <div className={`${panel} self-start p-6`}>
          <SignInForm key={mode} mode={mode} setMode={setMode} token={token} invited={invited} canSignUp={settings.open_sign_up || invited} />
        </div>
      </div>
    </Shell>
  );
}
