"use client";
import { ShieldX } from "lucide-react";
import Link from "next/link";
import type { ComponentType } from "react";
import { messages } from "@/lib/messages";
import { useSession } from "@/lib/queries";
import { SignedIn } from "../signed-in";
import { cn } from "../ui/cn";
import { Empty } from "../ui/notice";
import { Payments } from "./payments";
import { Rights } from "./rights";
import { Audit, Queue, Refusals, Storage, Workers } from "./reading";
import { Takedowns } from "./takedowns";
import { Users } from "./users";

const words = messages.admin;
type Part = keyof typeof words.tabs;

const parts: Record<Part, ComponentType> = { users: Users, rights: Rights, queue: Queue, workers: Workers, refusals: Refusals, takedowns: Takedowns, payments: Payments, audit: Audit, storage: Storage };
const names = Object.keys(parts) as Part[];

/** /admin/PART; mails lead to /admin/takedowns. */
export function Admin({ part = "users" }: { part?: string }) {
  const shown = names.find((name) => name === part) ?? "users";
  return (
    <SignedIn wide>
      {(user) => (user.role === "owner" ? <Parts part={shown} /> : <Empty icon={<ShieldX aria-hidden />} title={words.notOwner} />)}
    </SignedIn>
  );
}

const inSight = (link: HTMLElement | null) => link?.scrollIntoView({ block: "nearest", inline: "center" });

function Parts({ part }: { part: Part }) {
  const Shown = parts[part];
  const money = useSession().data?.settings.money ?? false;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-5">
      <h1 className="text-xl font-semibold">{words.title}</h1>
      <nav aria-label={words.sections} className="-mx-4 flex gap-1 overflow-x-auto border-b border-line px-4 sm:mx-0 sm:px-0">
        {names.filter((name) => name !== "payments" || money).map((name) => (
          <Link
            key={name}
            ref={part === name ? inSight : undefined}
            href={name === "users" ? "/admin" : `/admin/${name}`}
            aria-current={part === name ? "page" : undefined}
            className={cn("flex min-h-11 shrink-0 items-center border-b-2 px-3 text-sm whitespace-nowrap", part === name ? "border-accent font-semibold" : "border-transparent text-muted hover:text-ink")}
          >
            {words.tabs[name]}
          </Link>
        ))}
      </nav>
      <Shown />
    </div>
  );
}
