"use client";
import { useQuery } from "@tanstack/react-query";
import { FileJson } from "lucide-react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { saveFile } from "@/lib/save";
import type { AdminTable } from "@/lib/types";
import { Button } from "../ui/button";
import { ErrorNotice, Loading } from "../ui/notice";
import { Table } from "./table";

/** Milliseconds between two readings of a table that moves. */
const PERIOD = 5_000;

export function Rows({ table, columns, exported = false }: { table: AdminTable; columns: readonly string[]; exported?: boolean }) {
  const moving = table === "queue" || table === "workers";
  const rows = useQuery({ queryKey: ["admin", table], queryFn: () => api.admin.rows(table), refetchInterval: moving && PERIOD });
  if (rows.isError) return <ErrorNotice error={rows.error} onRetry={() => void rows.refetch()} />;
  if (!rows.data) return <Loading />;
  return (
    <div className="grid gap-3">
      {exported && (
        <Button className="justify-self-start" onClick={() => saveFile(new Blob([JSON.stringify(rows.data, null, 2)], { type: "application/json" }), `${table}.json`)}>
          <FileJson aria-hidden />
          {messages.admin.export}
        </Button>
      )}
      <Table rows={rows.data} columns={columns} keyOf={(row) => JSON.stringify(row)} />
    </div>
  );
}
