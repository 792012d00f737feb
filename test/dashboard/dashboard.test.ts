import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askAdmin } from '../admin/admin-client.js';
import { startGatewayProcess } from '../e2e/gateway.js';
import type { BrowserPage } from '../support/browser.js';
import { skipUnless } from '../support/programs.js';
import { until } from '../support/until.js';
import { click, fill, openDashboard, openStage, startLoad, textOf, TOKEN, type Stage } from './stage.js';

/** `npm run screenshots` sets it: the pictures of the documentation go there. */
const PICTURES = process.env['SCREENSHOTS'];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LIGHT = { 'prefers-color-scheme': 'light' };
const DARK = { 'prefers-color-scheme': 'dark' };
const WIRE_BYTES_MAX = 150 * 1024;
/** A frame that a person sees as a jerk takes longer; a loaded machine of two cores is slow. */
const TASK_MS_MAX = 400;

skipUnless('chromium')('the dashboard, with a gateway under load', () => {
  let stage: Stage;
  let page: BrowserPage;

  const row = (id: string): Promise<string> =>
    page.evaluate(
      `[...document.querySelectorAll('tbody tr')].find((row) => row.querySelector('th span').textContent === '${id}')?.innerText ?? ''`,
    );
  const shows = (text: string | RegExp, selector = 'main', deadlineMs = 15_000): Promise<boolean> =>
    until(
      `${String(text)} in ${selector}`,
      async () => {
        const seen = await textOf(page, selector);
        return typeof text === 'string' ? seen.includes(text) : text.test(seen);
      },
      deadlineMs,
    );
  const choose = (label: string): Promise<void> =>
    page.evaluate(
      `[...document.querySelectorAll('dialog label')].find((each) => each.textContent.trim() === '${label}').click()`,
    );
  const picture = async (name: string, isWhole = false): Promise<void> => {
    if (PICTURES === undefined) return;
    await page.evaluate('scrollTo(0, 0)');
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(join(PICTURES, `${name}.png`), await page.picture(isWhole));
  };
  /** What axe finds wrong, in its words. */
  const faultsOfAxe = async (): Promise<string[]> => {
    await page.evaluate(`${AXE}; 0`);
    return await page.evaluate(
      `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ' ' + html.slice(0, 200))))`,
    );
  };
  const standingOf = async (id: string): Promise<string> =>
    (await askAdmin(stage.admin, `/pools/default/upstreams/${id}`, { token: TOKEN })).json().standing;

  beforeAll(async () => {
    stage = await openStage(5);
    startLoad(stage.gateway.port, PICTURES === undefined ? 8 : 24);
    page = await openDashboard(stage.admin, 'not-the-token-of-this');
    await page.look(1280, 900, LIGHT);
  }, 60_000);

  afterAll(() => {
    // A refused token, and a gateway that was away, are what the browser itself says of them.
    const ours = (page?.complaints ?? []).filter((text) => !/ 401 |ERR_(?:CONNECTION|INCOMPLETE)/.test(text));
    expect(ours).toEqual([]);
  });

  it('is a small page that may load nothing from elsewhere', async () => {
    const answer = await askAdmin(stage.admin, '/', { headers: { 'accept-encoding': 'gzip' } });
    expect(answer.status).toBe(200);
    expect(Number(answer.fields['content-length'])).toBeLessThan(WIRE_BYTES_MAX);
    const policy = String(answer.fields['content-security-policy']);
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'; img-src 'self'; connect-src 'self';/,
    );
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    const known = { 'if-none-match': String(answer.fields.etag) };
    expect((await askAdmin(stage.admin, '/', { headers: known })).status).toBe(304);
    expect((await askAdmin(stage.admin, '/', { method: 'POST', token: TOKEN })).status).toBe(404);
    expect((await askAdmin(stage.admin, '/figures')).status).toBe(401);
    expect((await askAdmin(stage.admin, '/assets/../figures')).status).toBe(401);
  });

  it('asks for the token once, and says when it is wrong', async () => {
    await shows('The token is not the one');
    expect(await faultsOfAxe()).toEqual([]);
    await fill(page, '#token', TOKEN);
    await page.press('Enter', '\r');
    await shows('live', 'header');
  });

  it('shows that affinity holds, and who carries what', async () => {
    await shows(/^100 %/, '.share');
    await until('traffic', async () => /up[^]*\d ms/.test(await row('api-1')), 15_000);
    expect(await textOf(page, '.facts')).toContain(`127.0.0.1:${stage.gateway.port}`);
    expect(await faultsOfAxe()).toEqual([]);
  });

  it('answers where a user goes, and why', async () => {
    await fill(page, '#question', 'x-user-id: user-1-1');
    await click(page, '#question + .tools button');
    await shows(/It goes to api-\d/);
    await shows('keyed: the client’s key belongs there');
    await fill(page, '#question', 'no such thing <img src=x onerror=alert(1)>');
    await click(page, '#question + .tools button');
    await shows('“no such thing <img src=x onerror=alert(1)>” is no URL');
    expect(await page.evaluate(`document.querySelectorAll('main img').length`)).toBe(0);
  });

  it('shows an upstream that dies before its eyes', async () => {
    await stage.upstreams[1]!.stop();
    await until('the row', async () => (await row('api-2')).includes('down'), 15_000);
    await shows(/api-2 is down, it was up/, '.events');
    expect(await textOf(page, '[role=status]')).toContain('api-2 is now down');
    await shows(/^9\d/, '.share');
  });

  it('drains by the keyboard alone, and says before what will happen', async () => {
    await page.evaluate(`document.querySelector('[aria-label="Steer api-3"]').focus()`);
    await page.press('Enter', '\r');
    await shows(/About \d+ users move within 30 min, .* to the 3 others\.\s+It is over at [\d:]+/, 'dialog');
    expect(await faultsOfAxe()).toEqual([]);
    await page.press('Escape');
    await until('the dialog to close', () => page.evaluate(`document.querySelector('dialog') === null`));
    expect(await page.evaluate(`document.activeElement.getAttribute('aria-label')`)).toBe('Steer api-3');
    expect(await standingOf('api-3')).toBe('in');

    await page.press('Enter', '\r');
    await shows('About', 'dialog');
    await choose('at a pace');
    await shows('a minute', '.plan');
    await choose('by a deadline');
    await fill(page, 'dialog input[size]', '2 fortnights');
    await shows('Write a deadline such as', '.plan');
    await fill(page, 'dialog input[size]', '4m');
    await page.press('Enter', '\r');
    await shows('api-3 is being drained');
    await shows(/Over at [\d:]+ at the latest, in \d min/);
    expect(await standingOf('api-3')).toBe('leaving');
  });

  it('looks as in the documentation, by day, by night and on a phone', async () => {
    if (PICTURES !== undefined) {
      await fill(page, '#question', 'x-user-id: user-1-1');
      await click(page, '#question + .tools button');
      await shows(/It goes to api-\d/);
      await until('figures of some minutes', async () => /last [1-5] min/.test(await textOf(page)), 200_000);
    }
    await page.evaluate('document.activeElement.blur()');
    await page.look(1560, 960, LIGHT);
    await picture('dashboard');
    await page.look(1280, 900, DARK);
    expect(await faultsOfAxe()).toEqual([]);
    await page.look(360, 800, DARK);
    await until('no line that is too wide', () =>
      page.evaluate(`document.documentElement.scrollWidth <= document.documentElement.clientWidth`),
    );
    expect(await faultsOfAxe()).toEqual([]);
    await picture('dashboard-phone');
    await page.look(1280, 900, LIGHT);
  }, 240_000);

  it('stops a drain', async () => {
    await click(page, '[aria-label="Stop the drain of api-3"]');
    await shows(/The drain of api-3 stops at \d+ %/, 'dialog');
    await click(page, 'dialog .chief');
    await shows('No drain.');
    expect(await standingOf('api-3')).toBe('in');
  });

  it('says that the connection is lost, and is there again with the gateway', async () => {
    await stage.gateway.process.stop();
    await shows('connection lost: The gateway does not answer.', 'header');
    expect(await textOf(page, 'main')).toContain('api-1');
    const large = Object.fromEntries(
      Array.from({ length: 500 }, (_, at) => [`api-${at + 1}`, `http://127.0.0.1:${20_000 + at}`]),
    );
    await startGatewayProcess({
      ...stage.config,
      upstreams: large,
      health: undefined,
      admin: { listen: new URL(stage.admin).host, token: TOKEN, write: false },
    });
    await click(page, '.connection button');
    await shows('live', 'header');
  });

  it('has room for 500 upstreams, a page at a time, without a jerk', async () => {
    await shows('1–25 of 500');
    await page.evaluate(
      `globalThis.tasks = []; new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: 'longtask' }); globalThis.since = performance.now()`,
    );
    await click(page, '[aria-label="pages of upstreams"] button:last-child');
    await shows('26–50 of 500');
    await fill(page, '[type=search]', 'api-49');
    await until('what was filtered', async () => (await textOf(page, 'tbody')).split('Steer').length === 12);
    await until('some seconds of snapshots', () => page.evaluate(`performance.now() - since > 3000`));
    expect(Math.max(0, ...(await page.evaluate(`tasks`)))).toBeLessThan(TASK_MS_MAX);
  });

  it('says why it changes nothing where the API is for looking only', async () => {
    await shows('looking only', 'header');
    await click(page, '[aria-label="Steer api-49"]');
    await shows('admin.write of the configuration is off', 'dialog');
    expect(await page.evaluate(`document.querySelector('dialog .chief').disabled`)).toBe(true);
    expect(await faultsOfAxe()).toEqual([]);
  });
});
