import type { CalculatorFigures } from "./types";

const DAYS_PER_MONTH = 30;
const SECONDS_PER_HOUR = 3600;

/** What a month brings and costs, in US dollars. Shares are 0..1. */
export function monthOf(figures: CalculatorFigures) {
  const pictures = figures.pictures_per_day * DAYS_PER_MONTH;
  const perPicture = (figures.seconds_per_picture * figures.usd_per_hour) / SECONDS_PER_HOUR;
  const paid = figures.price * (1 - figures.refund_share);
  const payments = figures.pictures_per_payment > 0 ? 1 / figures.pictures_per_payment : 0;
  const fee = figures.price * figures.fee_share + figures.fee_fixed * payments;
  const margin = paid - perPicture - fee;
  return {
    income: pictures * paid,
    compute: pictures * perPicture,
    fees: pictures * fee,
    fixed: figures.fixed_per_month,
    left: pictures * margin - figures.fixed_per_month,
    perPicture,
    /** Pictures a day that pay for all; null where none do. */
    breakEven: margin > 0 ? Math.ceil(figures.fixed_per_month / margin / DAYS_PER_MONTH) : null,
  };
}
