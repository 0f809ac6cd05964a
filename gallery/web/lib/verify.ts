/** What a file's own C2PA manifest says, read here and now; nothing leaves the browser. */
export type Verdict =
  | { kind: "none" }
  | { kind: "broken"; codes: string[] }
  | { kind: "holds"; generated: boolean; signer: string | null; trusted: boolean };

const GENERATED = "trainedAlgorithmicMedia";
// A certificate that no list of trusted authorities has makes no manifest wrong.
const UNTRUSTED = "signingCredential.untrusted";

interface Store {
  active_manifest?: string | null;
  manifests?: Record<string, { signature_info?: { issuer?: string | null } | null; assertions?: unknown }>;
  validation_state?: string | null;
  validation_status?: { code?: string }[] | null;
}

export async function verifyFile(file: Blob): Promise<Verdict> {
  // 8 MB that only those load who ask.
  const { createC2pa } = await import("@contentauth/c2pa-web");
  const c2pa = await createC2pa({ wasmSrc: "/c2pa/c2pa_bg.wasm" });
  try {
    const reader = await c2pa.reader.fromBlob(file.type, file);
    if (reader === null) return { kind: "none" };
    const store = (await reader.manifestStore()) as Store;
    await reader.free();
    return verdict(store);
  } finally {
    c2pa.dispose();
  }
}

function verdict(store: Store): Verdict {
  const codes = (store.validation_status ?? []).map(({ code }) => code ?? "unknown");
  const faults = codes.filter((code) => code !== UNTRUSTED);
  const active = store.manifests?.[store.active_manifest ?? ""];
  if (store.validation_state === "Invalid" || faults.length || !active) return { kind: "broken", codes: faults };
  return {
    kind: "holds",
    generated: JSON.stringify(active.assertions ?? null).includes(GENERATED),
    signer: active.signature_info?.issuer ?? null,
    trusted: store.validation_state === "Trusted",
  };
}
