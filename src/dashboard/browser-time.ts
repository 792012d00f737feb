/* The one place of the page that asks the browser for the time: the rest takes what these say. */

export function nowMs(): number {
  return Date.now();
}

export function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** Answers what stops it. */
export function every(ms: number, run: () => void): () => void {
  const timer = setInterval(run, ms);
  return () => clearInterval(timer);
}
