"use client";
import { useQuery } from "@tanstack/react-query";
import { FileX2 } from "lucide-react";
import { api, ApiError } from "@/lib/api";
import { formatMoment } from "@/lib/format";
import { messages } from "@/lib/messages";
import { Shell } from "../shell";
import { Empty, ErrorNotice, Loading } from "../ui/notice";
import { ReceiptView } from "../ui/receipt";

const words = messages.takedown;

export function Takedown({ receipt }: { receipt: string }) {
  const report = useQuery({ queryKey: ["takedown", receipt], queryFn: () => api.takedownReceipt(receipt) });
  const missing = report.error instanceof ApiError && report.error.status < 500;
  return (
    <Shell>
      {report.data ? (
        <div className="grid gap-5">
          <h1 className="text-xl font-semibold">{words.title}</h1>
          <div>
            <p className="text-lg">{words.status[report.data.status]}</p>
            {report.data.status === "open" && <p className="text-muted">{words.clock(formatMoment(report.data.due))}</p>}
          </div>
          <ReceiptView receipt={{ ...report.data }} name={`report-${receipt}`} />
        </div>
      ) : missing ? (
        <Empty icon={<FileX2 aria-hidden />} title={words.gone}>
          {words.goneText}
        </Empty>
      ) : report.isError ? (
        <ErrorNotice error={report.error} onRetry={() => void report.refetch()} />
      ) : (
        <Loading />
      )}
    </Shell>
  );
}
