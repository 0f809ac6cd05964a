import { type NextRequest, NextResponse } from "next/server";

const API = process.env.GALLERY_API ?? "http://127.0.0.1:8700";

/** Sends /api to the API, and gives every page a Content-Security-Policy with a nonce of its own.
 *  It guards nothing: the API decides what a session may see. */
export function proxy(request: NextRequest): NextResponse {
  const { pathname, search } = request.nextUrl;
  if (pathname === "/api" || pathname.startsWith("/api/")) return toApi(request, new URL(pathname + search, API));
  const nonce = btoa(crypto.randomUUID());
  const policy = contentSecurityPolicy(nonce);
  const headers = new Headers(request.headers);
  headers.set("x-nonce", nonce);
  headers.set("Content-Security-Policy", policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("Content-Security-Policy", policy);
  return response;
}

function toApi(request: NextRequest, address: URL): NextResponse {
  const headers = new Headers(request.headers);
  // A connection that Next keeps for later may be one that the API closes just then: the request would fail.
  headers.set("connection", "close");
  return NextResponse.rewrite(address, { request: { headers } });
}

function contentSecurityPolicy(nonce: string): string {
  // `next dev` evaluates code and writes styles into the page; the built site does neither.
  const dev = process.env.NODE_ENV === "development";
  return [
    "default-src 'none'",
    // WebAssembly and its worker are the reader of C2PA manifests. A page keeps its policy while people go from one to the next.
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic' 'wasm-unsafe-eval'${dev ? " 'unsafe-eval'" : ""}`,
    `style-src 'self'${dev ? " 'unsafe-inline'" : ""}`,
    "img-src 'self' blob: data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src blob:",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join("; ");
}

export const config = { matcher: ["/((?!_next/static|icon.svg).*)"] };
