"use client";
import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { messages } from "@/lib/messages";
import { IconButton } from "./button";

/** The browser's own modal dialog: it holds the focus and gives it back. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => void dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      onClose={onClose}
      onKeyDown={(event) => event.stopPropagation()}
      onClick={(event) => event.target === dialog.current && dialog.current.close()}
      aria-label={title}
      className="m-auto w-full max-w-lg rounded-2xl border border-line bg-surface p-0 text-ink shadow-xl max-sm:mb-0 max-sm:max-w-full max-sm:rounded-b-none"
    >
      <div className="grid gap-4 p-5">
        <div className="flex items-start justify-between gap-4">
          <h2 className="pt-1.5 text-lg font-semibold">{title}</h2>
          <IconButton label={messages.close} className="-mt-0.5 -mr-2" onClick={() => dialog.current?.close()}>
            <X />
          </IconButton>
        </div>
        {children}
      </div>
    </dialog>
  );
}
