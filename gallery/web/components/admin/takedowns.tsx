"use client";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/lib/api";
import { formatMoment } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { AdminTakedown } from "@/lib/types";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Badge, ErrorNotice, Loading, panel } from "../ui/notice";
import { Verify } from "../ui/verify";

const words = messages.admin;

export function Takedowns() {
  const takedowns = useQuery({ queryKey: ["admin", "takedowns"], queryFn: api.admin.takedowns });
  const decide = useChange(({ receipt, decision }: { receipt: string; decision: "remove" | "keep" }) => api.admin.decide(receipt, decision), "admin", "pictures");
  if (takedowns.isError) return <ErrorNotice error={takedowns.error} onRetry={() => void takedowns.refetch()} />;
  if (!takedowns.data) return <Loading />;
  return (
    <div className="grid gap-3">
      <ErrorNotice error={decide.error} />
      {takedowns.data.length === 0 && <p className="py-6 text-sm text-muted">{words.empty}</p>}
      {takedowns.data.map((report) => (
        <Report key={report.receipt} report={report} busy={decide.isPending} onDecide={(decision) => decide.mutate({ receipt: report.receipt, decision })} />
      ))}
    </div>
  );
}

function Report({ report, busy, onDecide }: { report: AdminTakedown; busy: boolean; onDecide: (decision: "remove" | "keep") => void }) {
  const late = new Date(report.due) < new Date();
  const open = report.status === "open";
  const [sure, setSure] = useState(false);
  return (
    <article className={`${panel} grid gap-3 text-sm`}>
      <div className="flex flex-wrap items-center gap-2">
        <h2 className="font-medium">{messages.shared.reasons[report.reason] ?? report.reason}</h2>
        {open ? (
          <Badge tone={late ? "danger" : "accent"}>{(late ? words.overdue : words.due)(formatMoment(report.due))}</Badge>
        ) : (
          <Badge>{messages.takedown.status[report.status]}</Badge>
        )}
      </div>
      <p className="wrap-anywhere whitespace-pre-wrap">{report.statement}</p>
      <p className="text-muted wrap-anywhere">
        {report.name}, {report.email}, {formatMoment(report.created)}
      </p>
      {open && report.file_url && (
        <details>
          <summary className="cursor-pointer">{words.showReported}</summary>
          <img src={report.file_url} alt={words.reported} loading="lazy" className="mt-2 mb-3 max-h-96 rounded" />
          <Verify file={report.file_url} />
        </details>
      )}
      {report.decided && (
        <p className="text-muted wrap-anywhere">
          {words.decidedBy(report.by ?? messages.none, formatMoment(report.decided))}
          {report.copies > 0 && ` · ${words.copies(report.copies)}`}
        </p>
      )}
      {open && (
        <div className="flex flex-wrap gap-2">
          <Button variant="danger" disabled={busy} onClick={() => setSure(true)}>
            {words.decideRemove}
          </Button>
          <Button disabled={busy} onClick={() => onDecide("keep")}>
            {words.decideKeep}
          </Button>
        </div>
      )}
      {open && sure && (
        <Dialog title={words.removeTitle} onClose={() => setSure(false)}>
          <p className="text-sm">{words.removeText}</p>
          <div className="flex flex-wrap justify-end gap-2">
            <Button onClick={() => setSure(false)}>{messages.cancel}</Button>
            <Button
              variant="danger"
              disabled={busy}
              onClick={() => {
                setSure(false);
                onDecide("remove");
              }}
            >
              {messages.gallery.delete}
            </Button>
          </div>
        </Dialog>
      )}
    </article>
  );
}
