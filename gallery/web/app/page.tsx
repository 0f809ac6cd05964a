import { Studio } from "@/components/studio/studio";
import { messages } from "@/lib/messages";

export const metadata = { title: messages.studio.title };

export default function Page() {
  return <Studio />;
}
