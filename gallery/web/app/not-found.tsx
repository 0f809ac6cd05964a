import Link from "next/link";
import { Shell } from "@/components/shell";
import { buttonClass } from "@/components/ui/button";
import { Empty } from "@/components/ui/notice";
import { messages } from "@/lib/messages";

export default function NotFound() {
  return (
    <Shell>
      <Empty title={messages.notFound}>
        <p className="mb-4">{messages.notFoundText}</p>
        <Link href="/" className={buttonClass()}>
          {messages.home}
        </Link>
      </Empty>
    </Shell>
  );
}
