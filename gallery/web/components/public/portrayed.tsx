"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link2Off } from "lucide-react";
import { useState } from "react";
import { api, ApiError } from "@/lib/api";
import { formatDate } from "@/lib/format";
import { messages } from "@/lib/messages";
import type { Portrayed as Page, PortrayedPicture, Receipt } from "@/lib/types";
import { Shell } from "../shell";
import { Button } from "../ui/button";
import { Empty, ErrorNotice, Loading, panel, Section } from "../ui/notice";
import { ReceiptView } from "../ui/receipt";
import { Verify } from "../ui/verify";
import { Narrow } from "./narrow";
import { Renew } from "./renew";
import { Revoke } from "./revoke";

const words = messages.portrayed;

export function Portrayed({ token }: { token: string }) {
  const pages = useInfiniteQuery({
    queryKey: ["portrayed", token],
    queryFn: ({ pageParam }) => api.portrayed(token, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.pictures.next,
  });
  const [receipt, setReceipt] = useState<Receipt | null>(null);
  const page = pages.data?.pages[0];
  const proof = receipt ?? page?.revoked;
  const gone = pages.error instanceof ApiError && pages.error.status < 500;
  return (
    <Shell>
      {proof ? (
        <div role="status" className="grid gap-5">
          <h1 className="text-xl font-semibold">{words.revoked}</h1>
          <p>{words.revokedText}</p>
          <ReceiptView receipt={proof} name="withdrawal-receipt" />
        </div>
      ) : page ? (
        <div className="grid gap-9">
          <div className="grid gap-2">
            <h1 className="text-2xl font-semibold tracking-tight">{words.title(page.person.name)}</h1>
            <p className="text-sm text-muted">{words.intro}</p>
          </div>
          <Pictures pictures={pages.data?.pages.flatMap(({ pictures }) => pictures.items) ?? []} gone={page.gone} />
          {pages.hasNextPage && (
            <Button className="justify-self-center" disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
              {words.more}
            </Button>
          )}
          <Scope page={page} />
          <Narrow token={token} page={page} />
          <Renew token={token} />
          <Revoke token={token} name={page.person.name} onRevoked={setReceipt} />
        </div>
      ) : gone ? (
        <Empty icon={<Link2Off aria-hidden />} title={words.gone}>
          {words.goneText}
        </Empty>
      ) : pages.isError ? (
        <ErrorNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : (
        <Loading />
      )}
    </Shell>
  );
}

function Pictures({ pictures, gone }: { pictures: PortrayedPicture[]; gone: number }) {
  return (
    <Section title={words.pictures}>
      {pictures.length === 0 && <p className="text-sm text-muted">{words.nobody}</p>}
      <ul className="grid grid-cols-2 gap-3 sm:grid-cols-3 md:grid-cols-4">
        {pictures.map(({ id, prompt, by, created, url, thumb_url }) => (
          <li key={id} className="grid content-start gap-1.5">
            <a href={url} target="_blank" rel="noreferrer" className="block overflow-hidden rounded-xl bg-sunken">
              <img src={thumb_url} alt={prompt} loading="lazy" decoding="async" className="aspect-square w-full object-cover object-top" />
            </a>
            <p className="text-xs text-muted">
              <span className="font-medium text-ink">{words.by(by)}</span> · {formatDate(created)}
              <span className="line-clamp-2 wrap-anywhere">{prompt}</span>
            </p>
            <Verify file={url} short />
          </li>
        ))}
      </ul>
      {gone > 0 && <p className="text-sm text-muted">{words.wasGone(gone)}</p>}
    </Section>
  );
}

function Scope({ page }: { page: Page }) {
  return (
    <div className="grid gap-8 sm:grid-cols-2">
      <Section title={words.scope}>
        <p className={`${panel} text-sm`}>{page.scope}</p>
      </Section>
      <Section title={words.users}>
        <ul className={`${panel} grid gap-2 text-sm`}>
          {page.users.length === 0 && <li>{words.nobodyMay}</li>}
          {page.users.map(({ name, pictures, last, per_day }, index) => (
            <li key={index}>
              <p className="font-medium">{name}</p>
              <p className="text-muted">{words.userPictures(pictures, last && formatDate(last), per_day)}</p>
            </li>
          ))}
        </ul>
      </Section>
    </div>
  );
}
