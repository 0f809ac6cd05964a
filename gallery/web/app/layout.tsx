import type { Metadata, Viewport } from "next";
import { cookies } from "next/headers";
import type { ReactNode } from "react";
import { preload } from "react-dom";
import { Providers } from "@/components/providers";
import { messages } from "@/lib/messages";
import { THEME_COOKIE, themeOf } from "@/lib/theme";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: messages.name, template: `%s · ${messages.name}` },
  description: messages.tagline,
  robots: { index: false, follow: false },
};

export const viewport: Viewport = {
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#f7f5f1" },
    { media: "(prefers-color-scheme: dark)", color: "#131210" },
  ],
};

// Reading a cookie also makes each page's answer its own, as the nonce of its policy is.
export default async function Layout({ children }: { children: ReactNode }) {
  // Every page asks it first: it comes while the scripts still load.
  preload("/api/session", { as: "fetch", crossOrigin: "anonymous" });
  const theme = themeOf((await cookies()).get(THEME_COOKIE)?.value);
  return (
    <html lang="en" data-theme={theme === "system" ? undefined : theme}>
      <body className="min-h-dvh font-sans antialiased">
        <Providers>{children}</Providers>
      </body>
    </html>
  );
}
