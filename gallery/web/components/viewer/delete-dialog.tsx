"use client";
import { useState } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useChange, useEditPictures } from "@/lib/queries";
import type { Picture, Receipt } from "@/lib/types";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { ErrorNotice } from "../ui/notice";
import { ReceiptView } from "../ui/receipt";

const words = messages.deletion;

/** Deletes for good and shows the proof. The lists drop the pictures when the dialog closes, so the receipt stays in sight. */
export function DeleteDialog({ pictures, onClose }: { pictures: Picture[]; onClose: (deleted: number) => void }) {
  const [receipts, setReceipts] = useState<Map<string, Receipt>>(new Map());
  const edit = useEditPictures();
  const deletion = useChange(async () => {
    for (const { id } of pictures.filter((picture) => !receipts.has(picture.id))) {
      const receipt = await api.deletePicture(id);
      setReceipts((old) => new Map(old).set(id, receipt));
    }
  }, "albums", "shares");
  const left = pictures.length - receipts.size;
  const refresh = useChange(async () => edit((picture) => (receipts.has(picture.id) ? null : picture)), "generations");
  const proofs = [...receipts.values()];
  function close() {
    if (receipts.size) refresh.mutate(undefined);
    onClose(receipts.size);
  }
  return (
    <Dialog title={proofs.length ? words.done(proofs.length) : words.title(pictures.length)} onClose={close}>
      {proofs.length > 0 && !deletion.isPending ? (
        <ReceiptView receipt={proofs.length === 1 ? proofs[0]! : { pictures: proofs.length, receipts: proofs }} name="deletion-receipt" />
      ) : (
        <p className="text-sm">{words.text}</p>
      )}
      {deletion.isError && receipts.size > 0 && <p className="text-sm">{words.left(left)}</p>}
      <ErrorNotice error={deletion.error} />
      {left > 0 && (
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={close}>{messages.cancel}</Button>
          <Button variant="danger" disabled={deletion.isPending} onClick={() => deletion.mutate(undefined)}>
            {words.confirm(left)}
          </Button>
        </div>
      )}
    </Dialog>
  );
}
