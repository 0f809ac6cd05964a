"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/lib/api";
import { formatDate, formatSeconds, formatUsd } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useSession } from "@/lib/queries";
import type { Figures, Money, Month } from "@/lib/types";
import { SignedIn } from "./signed-in";
import { cn } from "./ui/cn";
import { Input } from "./ui/field";
import { Empty, ErrorNotice, Loading, panel, Section } from "./ui/notice";

const words = messages.money;
/** $0.50 a picture, 500 a day, $180 a month: the table that the gallery was planned with. */
const START: Figures = { price_cents: 50, per_day: 500, cost_cents: 18_000, seconds: null };

export const MoneyPage = () => <SignedIn>{() => <Enabled />}</SignedIn>;

function Enabled() {
  const { data: session } = useSession();
  const enabled = session?.settings.money ?? false;
  const money = useQuery({ queryKey: ["money"], queryFn: api.money, enabled });
  if (!enabled) return <Empty title={words.off} />;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-9">
      <h1 className="text-xl font-semibold">{words.title}</h1>
      <ErrorNotice error={money.error} />
      {money.data ? <Balance money={money.data} /> : money.isPending && <Loading />}
      <Calculator />
    </div>
  );
}

function Balance({ money }: { money: Money }) {
  return (
    <>
      <Section title={words.balance}>
        <div className={panel}>
          <p className="text-4xl font-semibold tabular-nums">{formatUsd(money.balance_cents / 100)}</p>
          <p className="text-sm text-muted">{words.price(formatUsd(money.price_cents / 100))}</p>
        </div>
      </Section>
      <Section title={words.entries}>
        {money.entries.length === 0 && <p className="text-sm text-muted">{words.noEntries}</p>}
        <ul className="grid text-sm">
          {money.entries.map(({ at, cents, what }, index) => (
            <li key={index} className="flex justify-between gap-4 border-b border-line py-2 tabular-nums">
              <span>
                {words.entryNames[what] ?? what} <span className="text-muted">{formatDate(at)}</span>
              </span>
              <span className={cn(cents > 0 && "text-good")}>
                {cents > 0 && "+"}
                {formatUsd(cents / 100)}
              </span>
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}

function Calculator() {
  const [figures, setFigures] = useState(START);
  const month = useQuery({ queryKey: ["month", figures], queryFn: () => api.month(figures), placeholderData: keepPreviousData });
  const change = (part: Partial<Figures>) => setFigures({ ...figures, ...part });
  const cents = (dollars: string) => Math.round(Number(dollars) * 100);
  return (
    <Section title={words.calculator}>
      <p className="text-sm text-muted">{words.calculatorText}</p>
      <div className="grid gap-6 md:grid-cols-2">
        <div className="grid grid-cols-2 items-end gap-4">
          <Input label={words.fields.price} type="number" min={0} step={0.01} defaultValue={START.price_cents / 100} onChange={(event) => change({ price_cents: cents(event.target.value) })} />
          <Input label={words.fields.per_day} type="number" min={0} step={1} defaultValue={START.per_day} onChange={(event) => change({ per_day: Math.round(Number(event.target.value)) })} />
          <Input label={words.fields.cost} type="number" min={0} step={1} defaultValue={START.cost_cents / 100} onChange={(event) => change({ cost_cents: cents(event.target.value) })} />
          <Input
            label={words.fields.seconds}
            type="number"
            min={0.1}
            step="any"
            placeholder={month.data && figures.seconds === null ? words.measured(formatSeconds(month.data.seconds)) : undefined}
            onChange={(event) => change({ seconds: Number(event.target.value) || null })}
          />
        </div>
        <div className={panel} aria-live="polite">
          <ErrorNotice error={month.error} />
          {month.data && <Results month={month.data} />}
        </div>
      </div>
    </Section>
  );
}

function Results({ month }: { month: Month }) {
  const rows = [
    [words.results.revenue, formatUsd(month.revenue_cents / 100)],
    [words.results.cost(month.workers), formatUsd(-month.cost_cents / 100)],
    [words.results.profit, formatUsd(month.profit_cents / 100)],
    [words.results.perPicture, `$${(month.cost_per_picture_cents / 100).toFixed(4)}`],
    [words.results.most, words.results.mostText(month.most_per_day)],
  ] as const;
  return (
    <dl className="grid grid-cols-[1fr_auto] gap-2 text-sm tabular-nums">
      {rows.map(([name, value]) => (
        <div key={name} className={cn("contents", name === words.results.profit && "text-base font-semibold")}>
          <dt>{name}</dt>
          <dd className="text-right">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
