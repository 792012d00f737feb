import { expect, it } from 'vitest';
import type { Decision } from '../route/router.js';
import type { ServedRoute } from './served-route.js';
import { Try } from './try.js';

/** A pool that writes down what it is told. */
function setUp(isTrial: boolean): { attempt: Try; told: string[] } {
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(what);
  const pool = {
    endpoint: () => ({ id: 'a' }),
    begin: tell('begin'),
    finish: tell('finish'),
    answered: tell('answered'),
    failed: tell('failed'),
    doubted: tell('doubted'),
    abandonTrial: tell('abandonTrial'),
  };
  const route = { pool } as unknown as ServedRoute;
  const decision = { index: 0, pool: { upstreams: [{ id: 'a' }] } } as unknown as Decision;
  return { attempt: new Try(route, decision, isTrial), told };
}

const WAYS: Readonly<Record<string, (attempt: Try) => void>> = {
  answered: (attempt) => attempt.answered(),
  'not reached': (attempt) => void attempt.failed('connect', true),
  'left without an answer': (attempt) => void attempt.failed('closed', true),
  'cut off by the client': (attempt) => void attempt.failed('closed', false),
  'given up': (attempt) => attempt.over(),
};

it.each([
  ['answered', false, ['begin', 'answered', 'finish']],
  ['answered', true, ['begin', 'answered', 'finish']],
  ['not reached', false, ['begin', 'failed', 'finish']],
  ['not reached', true, ['begin', 'failed', 'finish']],
  ['left without an answer', false, ['begin', 'finish']],
  ['left without an answer', true, ['begin', 'doubted', 'finish']],
  ['cut off by the client', false, ['begin', 'finish']],
  ['cut off by the client', true, ['begin', 'finish', 'abandonTrial']],
  ['given up', false, ['begin', 'finish']],
  ['given up', true, ['begin', 'finish', 'abandonTrial']],
])('a try that is %s (trial: %s) tells its pool so once, however it ends', (way, isTrial, said) => {
  const { attempt, told } = setUp(isTrial);
  WAYS[way]!(attempt);
  attempt.over();
  for (const again of Object.values(WAYS).slice(1)) again(attempt);
  expect(told).toEqual(said);
});

it('only a request that was sent whole leaves a doubt, and a trial is doubted at once', () => {
  const doubts = (isTrial: boolean, isWhole: boolean) => setUp(isTrial).attempt.failed('closed', isWhole);
  expect([doubts(false, true), doubts(false, false), doubts(true, true)]).toEqual([true, false, false]);
});
