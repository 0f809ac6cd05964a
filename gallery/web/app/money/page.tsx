import { MoneyPage } from "@/components/money";
import { messages } from "@/lib/messages";

export const metadata = { title: messages.money.title };

export default function Page() {
  return <MoneyPage />;
}
