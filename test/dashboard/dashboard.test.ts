import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { BrowserPage } from '../support/browser.js';
import { skipUnless } from '../support/programs.js';
import { until } from '../support/until.js';
import { click, fill, openDashboard, openStage, startLoad, textOf, TOKEN, type Stage } from './stage.js';

/** `npm run screenshots` sets it: the pictures of the documentation go there. */
const PICTURES = process.env['SCREENSHOTS'];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

skipUnless('chromium')('the dashboard, with a gateway under load', () => {
  let stage: Stage;
  let page: BrowserPage;

  const row = (id: string): Promise<string> =>
    page.evaluate(
      `[...document.querySelectorAll('tbody tr')].find((row) => row.querySelector('th span').textContent === '${id}')?.innerText ?? ''`,
    );
  const steer = (id: string): Promise<void> => click(page, `[aria-label="Steer ${id}"]`);
  const picture = async (name: string, isWhole = false): Promise<void> => {
    if (PICTURES === undefined) return;
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

  beforeAll(async () => {
    stage = await openStage(5);
    startLoad(stage.gateway.port, 12);
    page = await openDashboard(stage.admin, 'not-the-token-of-this');
    await page.look(1280, 900, { 'prefers-color-scheme': 'light' });
  }, 60_000);

  it('asks for the token once, and says when it is wrong', async () => {
    await until('a refusal', async () => (await textOf(page)).includes('The token is not the one'));
    expect(await faultsOfAxe()).toEqual([]);
    await fill(page, '#token', TOKEN);
    await page.press('Enter', '\r');
    await until('the live page', async () => (await textOf(page, 'header')).includes('live'));
    expect(page.complaints.filter((text) => !text.includes('401'))).toEqual([]);
  });

  it('shows that affinity holds, and who carries what', async () => {
    await until('affinity', async () => (await textOf(page, '.share')).startsWith('100 %'), 15_000);
    await until('traffic', async () => /up[^]*\d+ ms/.test(await row('api-1')), 15_000);
    expect(await textOf(page, '.facts')).toContain(`127.0.0.1:${stage.gateway.port}`);
    await picture('dashboard-try');
    await page.look(360, 800, { 'prefers-color-scheme': 'dark' });
    await picture('dashboard-phone', true);
    await page.look(1280, 900, { 'prefers-color-scheme': 'light' });
    await steer('api-3');
    await picture('dashboard-steer');
    expect(page.complaints.filter((text) => !text.includes('401'))).toEqual([]);
  });
});
