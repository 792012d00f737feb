import { z } from 'zod';

const count = z.int().min(0);
const counts = z.record(z.string(), count);

const upstreamFigures = z
  .strictObject({
    id: z.string(),
    requests: count.meta({ description: 'That ended there' }),
    statuses: counts.meta({ description: 'By class: 2xx' }),
    faults: counts.meta({ description: 'By what it did wrong: connect' }),
    answers: z
      .array(count)
      .meta({ description: 'How many answers began within each of boundsMs; the last, for all above' }),
  })
  .meta({ id: 'UpstreamFigures' });

const reasons = z.array(z.strictObject({ route: z.string(), why: z.string(), count }));

export const figuresView = z
  .strictObject({
    at: z.iso.datetime(),
    boundsMs: z.array(z.number()).meta({ description: 'Upper bounds of answers' }),
    pools: z.array(
      z.strictObject({
        name: z.string(),
        outcomes: counts.meta({ description: 'How requests ended up where they did: bound' }),
        upstreams: z.array(upstreamFigures),
      }),
    ),
    misses: reasons.meta({ description: 'What was found of a user and not followed' }),
    moves: reasons.meta({ description: 'Requests that bound their user to another upstream' }),
  })
  .meta({ id: 'Figures', description: 'Sums since the start: the difference of two answers is a rate' });

export type FiguresView = z.infer<typeof figuresView>;
