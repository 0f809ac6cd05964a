import { Account } from "@/components/account";
import { messages } from "@/lib/messages";

export const metadata = { title: messages.account.title };

export default function Page() {
  return <Account />;
}
