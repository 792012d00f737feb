/** One event of a stream. */
export interface StreamedEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** Reads server-sent events, piece by piece. */
export function eventsIn(): (piece: string) => StreamedEvent[] {
  let rest = '';
  return (piece) => {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop()!;
    return blocks.map(eventOf).filter((event) => event !== undefined);
  };
}

function eventOf(block: string): StreamedEvent | undefined {
  const found: { id?: string; event?: string; data?: string } = {};
  for (const line of block.split('\n')) {
    const [, name, value] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined) found[name as 'data'] = value!;
  }
  const { id, event = 'message', data } = found;
  return data === undefined ? undefined : { id, event, data };
}
