"use client";
import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError } from "@/lib/api";
import { messages } from "@/lib/messages";
import { Button } from "./button";
import { cn } from "./cn";

/** What failed, in the API's own sentence, and what helps. */
export function ErrorNotice({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  if (!error) return null;
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <div role="alert" className="flex items-start gap-3 rounded-lg border border-danger/40 bg-surface p-3 text-sm">
      <CircleAlert className="mt-0.5 size-4 shrink-0 text-danger" aria-hidden />
      <div className="grid flex-1 gap-0.5">
        <p>{problem?.sentence ?? messages.offline}</p>
        {problem?.remedy && <p className="text-muted">{problem.remedy}</p>}
      </div>
      {onRetry && <Button onClick={onRetry}>{messages.retry}</Button>}
    </div>
  );
}

export function Empty({ title, children, icon }: { title: string; children?: ReactNode; icon?: ReactNode }) {
  return (
    <div className="grid justify-items-center gap-2 px-6 py-16 text-center [&>svg]:mb-2 [&>svg]:size-9 [&>svg]:text-muted">
      {icon}
      <p className="text-lg font-medium">{title}</p>
      {children && <div className="max-w-md text-sm text-muted">{children}</div>}
    </div>
  );
}

export function Badge({ children, tone = "plain" }: { children: ReactNode; tone?: "plain" | "good" | "danger" | "accent" }) {
  const tones = { plain: "bg-sunken text-ink", good: "bg-sunken text-good", danger: "bg-sunken text-danger", accent: "bg-accent-soft text-ink" };
  return <span className={cn("inline-flex items-center gap-1 rounded-full px-2.5 py-0.5 text-xs font-medium", tones[tone])}>{children}</span>;
}

export function Loading() {
  return (
    <div role="status" className="grid gap-3">
      <span className="sr-only">{messages.loading}</span>
      {["w-2/3", "w-full", "w-5/6"].map((width) => (
        <div key={width} className={cn("h-5 animate-pulse rounded bg-sunken", width)} />
      ))}
    </div>
  );
}

export function Section({ title, children, aside }: { title: string; children: ReactNode; aside?: ReactNode }) {
  return (
    <section className="grid min-w-0 grid-cols-[minmax(0,1fr)] content-start gap-3">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-base font-semibold">{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

export const panel = "rounded-xl border border-line bg-surface p-4";
