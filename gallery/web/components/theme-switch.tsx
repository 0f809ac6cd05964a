"use client";
import { Monitor, Moon, Sun } from "lucide-react";
import { useEffect, useState } from "react";
import { messages } from "@/lib/messages";
import { setTheme, THEMES, type Theme, themeOf } from "@/lib/theme";
import { IconButton } from "./ui/button";

const icons = { system: Monitor, light: Sun, dark: Moon };

export function ThemeSwitch() {
  const [theme, show] = useState<Theme>("system");
  useEffect(() => void show(themeOf(document.documentElement.dataset.theme)), []);
  const Icon = icons[theme];
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  return (
    <IconButton
      label={`${messages.theme.label}: ${messages.theme[theme]}`}
      onClick={() => {
        setTheme(next);
        show(next);
      }}
    >
      <Icon aria-hidden />
    </IconButton>
  );
}
