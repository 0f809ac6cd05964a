import type { ComponentProps } from "react";
import { cn } from "./cn";

const variants = {
  primary: "bg-accent text-on-accent hover:opacity-90",
  plain: "border border-line bg-surface text-ink hover:bg-sunken",
  quiet: "text-ink hover:bg-sunken",
  danger: "bg-danger text-on-danger hover:opacity-90",
};

export type ButtonVariant = keyof typeof variants;

export const buttonClass = (variant: ButtonVariant = "plain", className?: string) =>
  cn(
    "inline-flex min-h-10 items-center justify-center gap-2 rounded-lg px-4 text-sm font-medium select-none",
    "disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0",
    variants[variant],
    className,
  );

export function Button({ variant, className, type = "button", ...rest }: ComponentProps<"button"> & { variant?: ButtonVariant }) {
  return <button type={type} className={buttonClass(variant, className)} {...rest} />;
}

/** A button of one picture; its words are for the ear and the pointer. */
export function IconButton({ label, className, ...rest }: ComponentProps<"button"> & { label: string }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={cn(
        "inline-flex size-10 items-center justify-center rounded-lg hover:bg-sunken disabled:opacity-40 [&_svg]:size-5",
        className,
      )}
      {...rest}
    />
  );
}
