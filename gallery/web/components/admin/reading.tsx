"use client";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { FileJson } from "lucide-react";
import type { ReactNode } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { saveFile } from "@/lib/save";
import { Button } from "../ui/button";
import { cn } from "../ui/cn";
import { ErrorNotice, Loading, Section } from "../ui/notice";
import { Table } from "./table";

const words = messages.admin;
/** Milliseconds between two readings of what moves. */
const PERIOD = 5_000;

function Read<R>({ query, children }: { query: UseQueryResult<R>; children: (data: R) => ReactNode }) {
  if (query.isError) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  return query.data === undefined ? <Loading /> : children(query.data);
}

export function Queue() {
  const queue = useQuery({ queryKey: ["admin", "queue"], queryFn: api.admin.queue, refetchInterval: PERIOD });
  return <Read query={queue}>{(rows) => <Table rows={rows} columns={["created", "person", "kind", "status", "done", "count"]} keyOf={({ id }) => id} />}</Read>;
}

export function Workers() {
  const workers = useQuery({ queryKey: ["admin", "workers"], queryFn: api.admin.workers, refetchInterval: PERIOD });
  return <Read query={workers}>{(rows) => <Table rows={rows} columns={["id", "seen"]} keyOf={({ id }) => String(id)} />}</Read>;
}

export function Refusals() {
  const refusals = useQuery({ queryKey: ["admin", "refusals"], queryFn: api.admin.refusals });
  return (
    <Read query={refusals}>
      {({ prompts, pictures }) => (
        <div className="grid gap-8">
          <Section title={words.prompts}>
            <Table rows={prompts} columns={["at", "by", "reason"]} keyOf={({ at, by }) => at + by} />
          </Section>
          <Section title={words.refusedPictures}>
            <Table rows={Object.entries(pictures).map(([reason, number]) => ({ reason, number }))} columns={["reason", "number"]} keyOf={({ reason }) => reason} />
          </Section>
        </div>
      )}
    </Read>
  );
}

export function Storage() {
  const storage = useQuery({ queryKey: ["admin", "storage"], queryFn: api.admin.storage });
  return <Read query={storage}>{(facts) => <Table rows={[facts]} columns={["place", "pictures", "to_erase", "database_bytes"]} keyOf={() => "storage"} />}</Read>;
}

export function Audit() {
  const audit = useQuery({ queryKey: ["admin", "audit"], queryFn: api.admin.audit });
  return (
    <Read query={audit}>
      {({ text, rows, broken }) => (
        <div className="grid gap-3">
          <div className="flex flex-wrap items-center gap-4">
            <Button onClick={() => saveFile(new Blob([text], { type: "application/x-ndjson" }), "audit.jsonl")}>
              <FileJson aria-hidden />
              {words.export}
            </Button>
            <p className={cn("text-sm", broken === null ? "text-good" : "text-danger")}>{broken === null ? words.chainHolds : words.chainBroken(broken)}</p>
          </div>
          <Table rows={rows} columns={["id", "at", "actor", "action", "data", "digest"]} keyOf={({ id }) => String(id)} />
        </div>
      )}
    </Read>
  );
}
