import { Gallery } from "@/components/gallery/gallery";
import { messages } from "@/lib/messages";

export const metadata = { title: messages.gallery.title };

export default function Page() {
  return <Gallery />;
}
