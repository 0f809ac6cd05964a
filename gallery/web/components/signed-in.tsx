"use client";
import type { ReactNode } from "react";
import { useSession } from "@/lib/queries";
import type { User } from "@/lib/types";
import { Shell } from "./shell";
import { ErrorNotice, Loading } from "./ui/notice";
import { Welcome } from "./welcome";

/** Shows a page to whoever is signed in, and the sign-in to anybody else. The API guards what the page asks for. */
export function SignedIn({ children, wide }: { children: (user: User) => ReactNode; wide?: boolean }) {
  const session = useSession();
  if (session.data && !session.data.user) return <Welcome settings={session.data.settings} />;
  return (
    <Shell wide={wide}>
      {session.data?.user ? children(session.data.user) : session.isError ? <ErrorNotice error={session.error} onRetry={() => void session.refetch()} /> : <Loading />}
    </Shell>
  );
}
