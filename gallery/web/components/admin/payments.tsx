"use client";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api } from "@/lib/api";
import { useAttempt } from "@/lib/attempts";
import { formatMoment, formatUsd } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import type { Dispute, Payment } from "@/lib/types";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Input } from "../ui/field";
import { Badge, ErrorNotice, Loading } from "../ui/notice";
import { Table } from "./table";

const words = messages.admin;
const dollars = (cents: number) => formatUsd(cents / 100);
const TONES = { inquiry: "accent", open: "danger", won: "good", lost: "plain" } as const;

/** Cents that can still go back: what a bank holds or took is not here. */
const left = ({ cents, refunded, disputes }: Payment) =>
  Math.max(0, disputes.reduce((sum, one) => (one.state === "open" || one.state === "lost" ? sum - one.cents : sum), cents - refunded));

export function Payments() {
  const payments = useQuery({ queryKey: ["admin", "payments"], queryFn: api.admin.payments });
  const [chosen, setChosen] = useState<Payment | null>(null);
  if (payments.isError) return <ErrorNotice error={payments.error} onRetry={() => void payments.refetch()} />;
  if (!payments.data) return <Loading />;
  const byId = new Map(payments.data.map((one) => [one.id, one]));
  return (
    <div className="grid gap-5">
      <p className="text-sm text-muted">{words.paymentsText}</p>
      <Table
        rows={payments.data.map((one) => ({
          id: one.id, at: one.at, email: one.email, paid: dollars(one.cents), refunded: one.refunded ? dollars(one.refunded) : null,
          disputes: one.disputes.length ? <Disputes disputes={one.disputes} /> : null,
        }))}
        columns={["at", "email", "paid", "refunded", "disputes"]}
        keyOf={({ id }) => id}
        actions={({ id }) => {
          const payment = byId.get(id)!;
          return left(payment) > 0 && <Button onClick={() => setChosen(payment)}>{words.refund}</Button>;
        }}
      />
      {chosen && <Refund payment={chosen} onClose={() => setChosen(null)} />}
    </div>
  );
}

const Disputes = ({ disputes }: { disputes: Dispute[] }) => (
  <ul className="grid justify-items-start gap-2 max-md:justify-items-end">
    {disputes.map(({ id, state, cents, reason, due }) => (
      <li key={id} className="grid justify-items-start gap-1 max-md:justify-items-end">
        <Badge tone={TONES[state]}>{words.disputeStates[state]}</Badge>
        <span className="text-muted">
          {dollars(cents)}, {reason.replaceAll("_", " ")}
          {due && (state === "open" || state === "inquiry") && `. ${words.answerBy(formatMoment(due))}`}
        </span>
      </li>
    ))}
  </ul>
);

function Refund({ payment, onClose }: { payment: Payment; onClose: () => void }) {
  const attempt = useAttempt();
  const refund = useChange(async (cents: number) => {
    await api.admin.refund({ payment: payment.id, cents, attempt: attempt.of([payment.id, cents]) });
    onClose();
  }, "admin");
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    refund.mutate(Math.round(Number(new FormData(event.currentTarget).get("sum")) * 100));
  }
  return (
    <Dialog title={words.refundTitle(payment.email)} onClose={onClose}>
      <form onSubmit={submit} className="grid gap-4">
        <p className="text-sm text-muted">{words.refundText}</p>
        <Input label={words.refundSum} name="sum" type="number" step="0.01" min={0.01} max={left(payment) / 100} defaultValue={(left(payment) / 100).toFixed(2)} required />
        <ErrorNotice error={refund.error} />
        <Button type="submit" variant="danger" className="justify-self-start" disabled={refund.isPending}>
          {words.refundDo}
        </Button>
      </form>
    </Dialog>
  );
}
