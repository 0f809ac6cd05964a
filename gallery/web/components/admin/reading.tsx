"use client";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { FileJson } from "lucide-react";
import type { ReactNode } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { saveAddress } from "@/lib/save";
import { Button } from "../ui/button";
import { cn } from "../ui/cn";
import { ErrorNotice, Loading } from "../ui/notice";
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
  return <Read query={queue}>{(rows) => <Table rows={rows} columns={["created", "user", "person", "status", "done", "count"]} titles={{ created: words.columns.at! }} keyOf={({ id }) => String(id)} />}</Read>;
}

export function Workers() {
  const workers = useQuery({ queryKey: ["admin", "workers"], queryFn: api.admin.workers, refetchInterval: PERIOD });
  return <Read query={workers}>{(rows) => <Table rows={rows} columns={["id", "status", "drawing", "seen"]} keyOf={({ id }) => String(id)} />}</Read>;
}

export function Refusals() {
  const refusals = useQuery({ queryKey: ["admin", "refusals"], queryFn: api.admin.refusals });
  return <Read query={refusals}>{(rows) => <Table rows={rows} columns={["created", "user", "person", "reason", "prompt"]} titles={{ created: words.columns.at! }} keyOf={({ id }) => String(id)} />}</Read>;
}

export function Storage() {
  const storage = useQuery({ queryKey: ["admin", "storage"], queryFn: api.admin.storage });
  return (
    <Read query={storage}>
      {(all) => (
        <div className="grid gap-8">
          <Table rows={[all]} columns={["place", "pictures", "bytes", "to_erase"]} keyOf={() => "all"} />
          <Table rows={all.items} columns={["user", "pictures", "bytes"]} keyOf={({ user }) => String(user)} />
        </div>
      )}
    </Read>
  );
}

export function Audit() {
  const audit = useQuery({ queryKey: ["admin", "audit"], queryFn: api.admin.audit });
  return (
    <Read query={audit}>
      {({ items, whole }) => (
        <div className="grid gap-3">
          <div className="flex flex-wrap items-center gap-4">
            <Button onClick={() => saveAddress("/api/admin/audit/export", "audit.jsonl")}>
              <FileJson aria-hidden />
              {words.export}
            </Button>
            <p className={cn("text-sm", whole ? "text-good" : "text-danger")}>{whole ? words.chainHolds : words.chainBroken}</p>
          </div>
          <Table rows={items} columns={["seq", "at", "actor", "action", "subject", "hash"]} keyOf={({ seq }) => String(seq)} />
        </div>
      )}
    </Read>
  );
}
