/** Hands a file to the browser's downloads. */
export function saveFile(content: Blob, name: string) {
  const url = URL.createObjectURL(content);
  saveAddress(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The same for an address of this site. */
export function saveAddress(url: string, name: string) {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
