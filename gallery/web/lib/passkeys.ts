import { api } from "./api";

/** What the API and the browser exchange: JSON with bytes in base64url on one side, buffers on the other. */
type Json = Record<string, unknown>;

const bytes = (text: unknown) => Uint8Array.from(atob(String(text).replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function options<T>(given: Json): T {
  const named = (list: unknown) => ((list ?? []) as Json[]).map((one) => ({ ...one, id: bytes(one.id) }));
  const user = given.user as Json | undefined;
  return {
    ...given,
    challenge: bytes(given.challenge),
    ...(user && { user: { ...user, id: bytes(user.id) } }),
    excludeCredentials: named(given.excludeCredentials),
    allowCredentials: named(given.allowCredentials),
  } as T;
}

function json(credential: Credential | null): Json {
  const made = credential as PublicKeyCredential;
  const response: Json = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"] as const) {
    const value = (made.response as unknown as Record<string, unknown>)[name];
    if (value instanceof ArrayBuffer) response[name] = text(value);
  }
  return { id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} };
}

export async function addPasskey({ name, password }: { name: string; password: string }) {
  const given = await api.passkeyOptions(password);
  const made = await navigator.credentials.create({ publicKey: options<PublicKeyCredentialCreationOptions>(given.options) });
  return api.addPasskey(name, json(made));
}

export async function signInByPasskey() {
  const given = await api.passkeySignInOptions();
  const proof = await navigator.credentials.get({ publicKey: options<PublicKeyCredentialRequestOptions>(given.options) });
  return api.passkeySignIn(json(proof));
}
