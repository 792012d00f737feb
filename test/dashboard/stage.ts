import { Agent, request as httpRequest } from 'node:http';
import { afterAll } from 'vitest';
import { startGatewayProcess, type GatewayProcess } from '../e2e/gateway.js';
import { BrowserPage } from '../support/browser.js';
import { freePort } from '../support/ports.js';
import { startUpstream, type FakeUpstream } from '../support/upstream.js';
import { until } from '../support/until.js';

export const TOKEN = 'a-token-for-the-dashboard';

const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

export interface Stage {
  readonly gateway: GatewayProcess;
  readonly admin: string;
  readonly upstreams: readonly FakeUpstream[];
  readonly config: object;
}

/** A gateway with an admin API, and upstreams that take a while for each answer. */
export async function openStage(count: number, more: object = {}): Promise<Stage> {
  const upstreams = await Promise.all(
    Array.from({ length: count }, (_, at) =>
      startUpstream({ id: `api-${at + 1}`, behaviour: { kind: 'answer', delayMs: 30 + at * 15 } }),
    ),
  );
  const admin = `127.0.0.1:${await freePort()}`;
  const config = {
    upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
    health: { path: '/', every: '300ms' },
    affinity: [{ header: 'x-user-id' }],
    admin: { listen: admin, token: TOKEN },
    ...more,
  };
  const gateway = await startGatewayProcess(config);
  return { gateway, admin: `http://${admin}`, upstreams, config };
}

/** So many users, each with a request after the other until the end of the tests. */
export function startLoad(port: number, users: number): { readonly served: () => number } {
  const agent = new Agent({ keepAlive: true });
  let served = 0;
  let isOver = false;
  const next = (user: number): void => {
    if (isOver) return;
    const ask = httpRequest(
      { port, host: '127.0.0.1', agent, headers: { 'x-user-id': `user-${user}-${served % 5}` } },
      (answer) => {
        served++;
        answer.on('error', () => {});
        answer.on('close', () => next(user));
        answer.resume();
      },
    );
    ask.on('error', () => setImmediate(next, user));
    ask.end();
  };
  for (let user = 0; user < users; user++) next(user);
  ends.push(() => {
    isOver = true;
    agent.destroy();
  });
  return { served: () => served };
}

/** A browser that looks at the dashboard and knows the token. */
export async function openDashboard(admin: string, token = TOKEN): Promise<BrowserPage> {
  const page = await BrowserPage.open();
  ends.push(() => page.close());
  await page.listen();
  await page.goTo(admin);
  await until('the question for the token', () => page.evaluate(`document.querySelector('#token') !== null`));
  await page.evaluate(`document.querySelector('#token').focus()`);
  await page.type(token);
  await page.press('Enter', '\r');
  return page;
}

/** What a reader sees of the page, or of a part of it. */
export async function textOf(page: BrowserPage, selector = 'body'): Promise<string> {
  return String(await page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`));
}

export async function click(page: BrowserPage, selector: string): Promise<void> {
  await page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
}

/** Writes into a field, in place of what stands there. */
export async function fill(page: BrowserPage, selector: string, text: string): Promise<void> {
  await page.evaluate(
    `{ const field = document.querySelector(${JSON.stringify(selector)}); field.focus(); field.select(); }`,
  );
  await page.type(text);
}
