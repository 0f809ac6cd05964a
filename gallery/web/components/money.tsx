"use client";
import { useQuery } from "@tanstack/react-query";
import { CreditCard } from "lucide-react";
import { useState } from "react";
import { api } from "@/lib/api";
import { useAttempt } from "@/lib/attempts";
import { monthOf } from "@/lib/calculator";
import { formatDate, formatUsd } from "@/lib/format";
import { messages } from "@/lib/messages";
import { useChange, useSession } from "@/lib/queries";
import type { CalculatorFigures, Money } from "@/lib/types";
import { SignedIn } from "./signed-in";
import { Button } from "./ui/button";
import { cn } from "./ui/cn";
import { Choice, Input } from "./ui/field";
import { Empty, ErrorNotice, Loading, panel, Section } from "./ui/notice";

const words = messages.money;

/** A payment arrives by itself, a little after its page. */
const MONEY_MS = 5000;

export const MoneyPage = () => <SignedIn>{() => <Enabled />}</SignedIn>;

function Enabled() {
  const { data: session } = useSession();
  const enabled = session?.settings.money ?? false;
  const money = useQuery({ queryKey: ["money"], queryFn: api.money, enabled, refetchInterval: MONEY_MS });
  const figures = useQuery({ queryKey: ["calculator"], queryFn: api.calculator, enabled, staleTime: Infinity });
  if (!enabled || money.data?.enabled === false) return <Empty title={words.off} />;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-9">
      <h1 className="text-xl font-semibold">{words.title}</h1>
      <ErrorNotice error={money.error ?? figures.error} />
      {money.data ? <Balance money={money.data} /> : <Loading />}
      {figures.data && <Calculator start={figures.data} />}
    </div>
  );
}

function Balance({ money }: { money: Money }) {
  return (
    <>
      <Section title={words.balance}>
        <div className={panel}>
          <p className="pb-2 text-4xl font-semibold tabular-nums">{formatUsd(money.balance)}</p>
          {money.balance < 0 && <p className="text-sm">{words.owed}</p>}
          <p className="text-sm text-muted">
            {words.cost(formatUsd(money.price))} {money.free_below > 0 && words.freeBelow(money.free_below.toFixed(2))}
          </p>
        </div>
      </Section>
      {money.sells && <Buy />}
      <Section title={words.entries}>
        {money.entries.length === 0 && <p className="text-sm text-muted">{words.noEntries}</p>}
        <ul className="grid text-sm">
          {money.entries.map(({ id, created, text, amount, balance }) => (
            <li key={id} className="grid grid-cols-[1fr_auto_5rem] gap-x-4 border-b border-line py-2 tabular-nums">
              <span>
                {text} <span className="text-muted">{formatDate(created)}</span>
              </span>
              <span className={cn("text-right", amount > 0 && "text-good")}>{formatUsd(amount)}</span>
              <span className="text-right text-muted">{formatUsd(balance)}</span>
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}

/** What can be paid at once, in cents. */
const SUMS = [500, 1000, 2500, 5000] as const;
const dollars = (cents: number) => formatUsd(cents / 100);

function Buy() {
  const [cents, setCents] = useState<number>(SUMS[1]);
  const attempt = useAttempt();
  const buy = useChange(async () => {
    const { url } = await api.checkout(cents, attempt.of(cents));
    location.assign(url);
  });
  return (
    <Section title={words.buy}>
      <form
        className={`${panel} grid max-w-md gap-4`}
        onSubmit={(event) => {
          event.preventDefault();
          buy.mutate(undefined);
        }}
      >
        {/* Stripe sends people back to this address. */}
        {new URLSearchParams(location.search).has("paid") && (
          <p role="status" className="text-sm">
            {words.onItsWay}
          </p>
        )}
        <Choice label={words.sum} name="sum" value={cents} options={SUMS.map((sum) => [sum, dollars(sum)] as const)} onChange={setCents} />
        <ErrorNotice error={buy.error} />
        <Button type="submit" variant="primary" disabled={buy.isPending}>
          <CreditCard aria-hidden />
          {words.buyDo(dollars(cents))}
        </Button>
        <p className="text-xs text-muted">{words.buyHint}</p>
      </form>
    </Section>
  );
}

function Calculator({ start }: { start: CalculatorFigures }) {
  const [figures, setFigures] = useState(start);
  const month = monthOf(figures);
  const names = Object.keys(words.fields) as (keyof typeof words.fields)[];
  const results = ["income", "compute", "fees", "fixed", "left"] as const;
  return (
    <Section title={words.calculator}>
      <p className="text-sm text-muted">{words.calculatorText}</p>
      <div className="grid gap-6 md:grid-cols-[3fr_2fr]">
        <div className="grid grid-cols-2 items-end gap-4 sm:grid-cols-3">
          {names.map((name) => (
            <Input key={name} label={words.fields[name]} type="number" min={0} step="any" value={figures[name]} onChange={(event) => setFigures({ ...figures, [name]: Number(event.target.value) })} />
          ))}
        </div>
        <div className={`${panel} grid content-start gap-3 text-sm`} aria-live="polite">
          <dl className="grid grid-cols-[1fr_auto] gap-2 tabular-nums">
            {results.map((result) => (
              <div key={result} className={cn("contents", result === "left" && "text-base font-semibold")}>
                <dt>{words.results[result]}</dt>
                <dd className="text-right">{formatUsd(month[result])}</dd>
              </div>
            ))}
            <dt className="text-muted">{words.results.perPicture}</dt>
            <dd className="text-right text-muted">${month.perPicture.toFixed(4)}</dd>
          </dl>
          <p>{month.breakEven === null ? words.never : words.breakEven(month.breakEven)}</p>
        </div>
      </div>
    </Section>
  );
}
