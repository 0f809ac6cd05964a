import type { NextConfig } from "next";

// Headers that need no nonce stand here, so they hold for every answer; the Content-Security-Policy is in proxy.ts.
const headers = [
  { key: "X-Content-Type-Options", value: "nosniff" },
  { key: "X-Frame-Options", value: "DENY" },
  // Links to shared pictures and of persons portrayed are secrets: no address goes to another site.
  { key: "Referrer-Policy", value: "no-referrer" },
  { key: "Permissions-Policy", value: "camera=(), microphone=(), geolocation=()" },
  { key: "Cross-Origin-Opener-Policy", value: "same-origin" },
];

const config: NextConfig = {
  poweredByHeader: false,
  reactStrictMode: true,
  // gzip would hold back the events of /api/events; a proxy in front compresses (README.md).
  compress: false,
  images: { unoptimized: true },
  experimental: { proxyTimeout: 120_000 },
  headers: async () => [{ source: "/:path*", headers }],
};

export default config;
