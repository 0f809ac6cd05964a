"use client";
import { BadgeCheck, ShieldQuestion, TriangleAlert } from "lucide-react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange } from "@/lib/queries";
import { type Verdict, verifyFile } from "@/lib/verify";
import { Button } from "./button";
import { Badge } from "./notice";

const words = messages.verify;

/** Checks the file that a page shows, in the browser: the page's own word is not taken for it. `file` is it, or where it is; `short`: in few
 *  words, where a picture is small. */
export function Verify({ file, short }: { file: Blob | string; short?: boolean }) {
  const check = useChange(async () => verifyFile(typeof file === "string" ? await api.file(file) : file));
  return (
    <div className="grid justify-items-start gap-2" aria-live="polite">
      {check.data ? (
        <Result verdict={check.data} />
      ) : (
        <Button onClick={() => check.mutate(undefined)} disabled={check.isPending}>
          <ShieldQuestion aria-hidden />
          {check.isPending ? words.checking : short ? words.checkShort : words.check}
        </Button>
      )}
      {check.isError && (
        <p role="alert" className="text-sm text-danger">
          {words.failed}
        </p>
      )}
    </div>
  );
}

function Result({ verdict }: { verdict: Verdict }) {
  if (verdict.kind !== "holds")
    return (
      <>
        <Badge tone="danger">
          <TriangleAlert className="size-3.5" aria-hidden />
          {words[verdict.kind]}
        </Badge>
        <p className="text-sm text-muted wrap-anywhere">{verdict.kind === "none" ? words.noneText : words.brokenText(verdict.codes)}</p>
      </>
    );
  return (
    <>
      <Badge tone="good">
        <BadgeCheck className="size-3.5" aria-hidden />
        {words.holds}
      </Badge>
      <p className="text-sm text-muted wrap-anywhere">
        {verdict.generated ? words.generated : words.notGenerated} {words.signer(verdict.signer, verdict.trusted)}
      </p>
    </>
  );
}
