"use client";
import { ShieldX } from "lucide-react";
import { type ReactNode, useState } from "react";
import { messages } from "@/lib/messages";
import { SignedIn } from "../signed-in";
import { cn } from "../ui/cn";
import { Empty } from "../ui/notice";
import { Rights } from "./rights";
import { Rows } from "./rows";
import { Takedowns } from "./takedowns";
import { Users } from "./users";

const words = messages.admin;
type Tab = keyof typeof words.tabs;

const parts: Record<Tab, ReactNode> = {
  users: <Users />,
  rights: <Rights />,
  queue: <Rows table="queue" columns={["created", "user", "person", "kind", "status", "place"]} />,
  workers: <Rows table="workers" columns={["id", "kind", "status", "seen", "drawing", "done", "failed"]} />,
  refusals: <Rows table="refusals" columns={["created", "user", "person", "reason", "prompt"]} />,
  takedowns: <Takedowns />,
  audit: <Rows table="audit" columns={["seq", "at", "actor", "action", "subject", "hash"]} exported />,
  storage: <Rows table="storage" columns={["user", "pictures", "bytes"]} />,
};

export const Admin = () => (
  <SignedIn wide>
    {(user) => (user.role === "owner" ? <Parts /> : <Empty icon={<ShieldX aria-hidden />} title={words.notOwner} />)}
  </SignedIn>
);

function Parts() {
  const [tab, setTab] = useState<Tab>("users");
  return (
    <div className="grid gap-5">
      <h1 className="text-xl font-semibold">{words.title}</h1>
      <div role="tablist" aria-label={words.sections} className="-mx-4 flex gap-1 overflow-x-auto border-b border-line px-4 sm:mx-0 sm:px-0">
        {(Object.keys(words.tabs) as Tab[]).map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-selected={tab === name}
            aria-controls="part"
            onClick={() => setTab(name)}
            className={cn("min-h-11 shrink-0 border-b-2 px-3 text-sm whitespace-nowrap", tab === name ? "border-accent font-semibold" : "border-transparent text-muted hover:text-ink")}
          >
            {words.tabs[name]}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="part" aria-labelledby={`tab-${tab}`}>
        {parts[tab]}
      </div>
    </div>
  );
}
