import { Takedown } from "@/components/public/takedown";

export default async function Page({ params }: { params: Promise<{ receipt: string }> }) {
  return <Takedown receipt={(await params).receipt} />;
}
