"use client";
import { Shell } from "@/components/shell";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/notice";
import { messages } from "@/lib/messages";

export default function ErrorPage({ reset }: { reset: () => void }) {
  return (
    <Shell>
      <Empty title={messages.fault}>
        <Button onClick={reset}>{messages.retry}</Button>
      </Empty>
    </Shell>
  );
}
