"use client";
import { useQuery } from "@tanstack/react-query";
import { BadgeCheck, Download, ImageOff } from "lucide-react";
import { useEffect, useState } from "react";
import { api, ApiError } from "@/lib/api";
import { formatDate } from "@/lib/format";
import { messages } from "@/lib/messages";
import { saveFile } from "@/lib/save";
import type { SharedPicture } from "@/lib/types";
import { Shell } from "../shell";
import { Button } from "../ui/button";
import { Badge, Empty, ErrorNotice, Loading } from "../ui/notice";
import { Verify } from "../ui/verify";
import { Password } from "./password";
import { Report } from "./report";

const words = messages.shared;

async function open(token: string, password: string | undefined) {
  // One after the other: a wrong password counts as one try.
  const shared = await api.shared(token, password);
  return { shared, file: await api.sharedFile(token, password) };
}

export function Shared({ token }: { token: string }) {
  const [password, setPassword] = useState<string>();
  const picture = useQuery({ queryKey: ["shared", token, password], queryFn: () => open(token, password), retry: false, gcTime: 0 });
  const error = picture.error instanceof ApiError ? picture.error : null;
  return (
    <Shell>
      {picture.data ? (
        <View token={token} {...picture.data} />
      ) : error?.status === 401 ? (
        <Password wrong={password !== undefined} onOpen={setPassword} />
      ) : error && (error.status === 404 || error.status === 410) ? (
        <Empty icon={<ImageOff aria-hidden />} title={words.gone}>
          {words.goneText}
        </Empty>
      ) : picture.isError ? (
        <ErrorNotice error={picture.error} onRetry={() => void picture.refetch()} />
      ) : (
        <Loading />
      )}
    </Shell>
  );
}

function View({ token, shared, file }: { token: string; shared: SharedPicture; file: Blob }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(file);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  const { picture, person, marks } = shared;
  return (
    <article className="grid gap-8">
      <h1 className="sr-only">{words.title(person)}</h1>
      {url && (
        <img
          src={url}
          width={picture.width}
          height={picture.height}
          alt={messages.picture.alt(person, "")}
          className="mx-auto max-h-[78dvh] w-auto max-w-full rounded-xl object-contain"
        />
      )}
      <div className="grid gap-2">
        <p className="text-lg font-medium">{words.notice(person)}</p>
        <p className="text-sm text-muted">{formatDate(picture.created)}</p>
      </div>
      <section className="grid gap-3">
        <h2 className="font-semibold">{words.marks}</h2>
        <ul className="flex flex-wrap gap-2">
          {marks.map((mark) => (
            <li key={mark}>
              <Badge tone="good">
                <BadgeCheck className="size-3.5" aria-hidden />
                {words.markNames[mark] ?? mark}
              </Badge>
            </li>
          ))}
        </ul>
        <Verify file={file} />
        <details className="rounded-xl border border-line bg-surface p-4 text-sm">
          <summary className="min-h-6 font-medium">{words.verify}</summary>
          <div className="grid justify-items-start gap-3 pt-3">
            <p>{words.verifyText}</p>
            <code className="rounded-md bg-sunken px-2 py-1 font-mono">{words.verifyCommand}</code>
            <p className="text-muted">{words.verifyEnd}</p>
            <Button onClick={() => saveFile(file, "picture.png")}>
              <Download aria-hidden />
              {messages.gallery.download}
            </Button>
          </div>
        </details>
      </section>
      <Report token={token} />
    </article>
  );
}
