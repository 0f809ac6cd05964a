"use client";
import { useEffect, useState } from "react";
import { type DoorName, takeToken } from "@/lib/doors";
import { messages } from "@/lib/messages";
import { useSession } from "@/lib/queries";
import { Shell } from "./shell";
import { ErrorNotice, Loading } from "./ui/notice";
import { Welcome } from "./welcome";

export function Door({ door }: { door: DoorName }) {
  const session = useSession();
  const [token, setToken] = useState<string | null>(null);
  useEffect(() => void setToken((held) => held ?? takeToken()), []);
  if (session.data && token !== null) return <Welcome settings={session.data.settings} door={door} token={token} />;
  return (
    <Shell>
      {session.isError ? <ErrorNotice error={session.error} onRetry={() => void session.refetch()} /> : <Loading />}
      <h1 className="sr-only">{messages.name}</h1>
    </Shell>
  );
}
