"use client";
import { CircleUser, Coins, Images, LogOut, Shield, WandSparkles } from "lucide-react";
import Link from "next/link";
import { usePathname } from "next/navigation";
import type { ReactNode } from "react";
import { api } from "@/lib/api";
import { messages } from "@/lib/messages";
import { useSession } from "@/lib/queries";
import { ThemeSwitch } from "./theme-switch";
import { IconButton } from "./ui/button";
import { cn } from "./ui/cn";

const { nav } = messages;

/** Leaves nothing of the last account in this tab's memory. */
export async function signOut() {
  await api.signOut();
  window.location.assign("/");
}

/** The frame of every page: a bar on top, which becomes a bar at the thumb on a small screen. */
export function Shell({ children, wide = false }: { children: ReactNode; wide?: boolean }) {
  const { data: session } = useSession();
  const user = session?.user;
  const pages = user
    ? [
        { href: "/", words: nav.studio, icon: WandSparkles },
        { href: "/gallery", words: nav.gallery, icon: Images },
        ...(session.settings.money ? [{ href: "/money", words: nav.money, icon: Coins }] : []),
        { href: "/account", words: nav.account, icon: CircleUser },
        ...(user.role === "owner" ? [{ href: "/admin", words: nav.admin, icon: Shield }] : []),
      ]
    : [];
  const path = usePathname();
  const within = (href: string) => path === href || (href !== "/" && path.startsWith(`${href}/`));
  return (
    <>
      <a href="#content" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50 focus:rounded-lg focus:bg-surface focus:p-3">
        {messages.skip}
      </a>
      <header className="sticky top-0 z-30 border-b border-line bg-paper">
        <div className="mx-auto flex h-14 max-w-[110rem] items-center gap-6 px-4 sm:px-6">
          <Link href="/" prefetch={false} className="text-lg font-semibold tracking-tight">
            {messages.name}
          </Link>
          {pages.length > 0 && (
            <nav
              aria-label={nav.label}
              className="flex gap-1 max-sm:fixed max-sm:inset-x-0 max-sm:bottom-0 max-sm:z-30 max-sm:justify-around max-sm:border-t max-sm:border-line max-sm:bg-paper max-sm:pb-[env(safe-area-inset-bottom)]"
            >
              {pages.map(({ href, words, icon: Icon }) => (
                <Link
                  key={href}
                  href={href}
                  prefetch={false} // pictures in sight would wait for these pages
                  aria-current={path === href ? "page" : within(href) ? "true" : undefined}
                  className={cn(
                    "flex items-center gap-2 rounded-lg px-3 py-2 text-sm max-sm:flex-1 max-sm:flex-col max-sm:gap-0.5 max-sm:px-1 max-sm:text-xs",
                    within(href) ? "font-semibold text-accent" : "text-muted hover:text-ink",
                  )}
                >
                  <Icon className="size-5 sm:hidden" aria-hidden />
                  {words}
                </Link>
              ))}
            </nav>
          )}
          <div className="ml-auto flex items-center">
            <ThemeSwitch />
            {user && (
              <IconButton label={nav.signOut} onClick={() => void signOut()}>
                <LogOut aria-hidden />
              </IconButton>
            )}
          </div>
        </div>
      </header>
      <main id="content" tabIndex={-1} className={cn("mx-auto px-4 py-6 outline-none sm:px-6", pages.length > 0 && "max-sm:pb-24", wide ? "max-w-[110rem]" : "max-w-4xl")}>
        {children}
      </main>
    </>
  );
}
