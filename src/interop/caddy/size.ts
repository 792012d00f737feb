const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1000,
  k: 1000,
  mb: 1_000_000,
  m: 1_000_000,
  kib: 1024,
  ki: 1024,
  mib: 1024 ** 2,
  mi: 1024 ** 2,
};

/** `16KB`, `1MiB` or a number of bytes, as Caddy reads them. */
export function parseSize(text: string | undefined): number | undefined {
  const [, number, unit = ''] = /^(\d{1,12})\s*([a-z]*)$/i.exec(text ?? '') ?? [];
  const factor = UNITS[unit.toLowerCase()];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}
