import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { start } from './processes.js';
import { program } from './programs.js';
import { within } from './until.js';

/** Where a program says that its DevTools listen. */
const DEV_TOOLS = /DevTools listening on (ws:\S+)/;

/** A page in a headless Chromium, driven by the DevTools protocol. Any certificate will do. */
export class BrowserPage {
  readonly #socket: WebSocket;
  readonly #stop: () => Promise<unknown>;
  readonly #answers = new Map<number, (answer: any) => void>();
  #session = '';
  #asked = 0;
  /** What its console, its log and its exceptions said; a violation of a content security policy is there. */
  readonly complaints: string[] = [];

  static async open(): Promise<BrowserPage> {
    const folder = mkdtempSync(join(tmpdir(), 'stickyroute-browser-'));
    const browser = start(program('chromium'), [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--ignore-certificate-errors',
      '--remote-debugging-port=0',
      `--user-data-dir=${folder}`,
      'about:blank',
    ]);
    const [, url] = await browser.waitForLine(DEV_TOOLS, 30_000);
    const socket = new WebSocket(url!);
    await within('the DevTools', new Promise((resolve) => socket.once('open', resolve)));
    const page = new BrowserPage(socket, async () => {
      await browser.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    });
    const { targetId } = await page.#ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await page.#ask('Target.attachToTarget', { targetId, flatten: true });
    page.#session = sessionId as string;
    return page;
  }

  private constructor(socket: WebSocket, stop: () => Promise<unknown>) {
    this.#socket = socket;
    this.#stop = stop;
    socket.on('message', (text: Buffer) => {
      const message = JSON.parse(text.toString()) as { id?: number; method?: string; params?: any };
      if (message.id !== undefined) this.#answers.get(message.id)?.(message);
      else this.#hear(message.method, message.params);
    });
  }

  async goTo(url: string): Promise<void> {
    await this.#ask('Page.enable');
    await this.#ask('Page.navigate', { url });
    await this.evaluate(`new Promise((done) => {
      const ask = () => (document.readyState === 'complete' && location.href !== 'about:blank' ? done(1) : setTimeout(ask, 10));
      ask();
    })`);
  }

  /** The value of an expression, waited for. */
  async evaluate(expression: string): Promise<any> {
    const { result, exceptionDetails } = await this.#ask('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails).slice(0, 2000));
    return result.value as unknown;
  }

  /** Keeps what the page complains of, from now on. */
  async listen(): Promise<void> {
    await this.#ask('Runtime.enable');
    await this.#ask('Log.enable');
  }

  #hear(method: string | undefined, params: any): void {
    if (method === 'Log.entryAdded') this.complaints.push(`${params.entry.text} ${params.entry.url ?? ''}`);
    else if (method === 'Runtime.exceptionThrown')
      this.complaints.push(JSON.stringify(params.exceptionDetails));
    else if (method === 'Runtime.consoleAPICalled')
      this.complaints.push(params.args.map((each: any) => each.value ?? each.description).join(' '));
  }

  /** Its window, and what its user prefers: `{ 'prefers-color-scheme': 'dark' }`. */
  async look(width: number, height: number, prefers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#ask('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: false,
    });
    const features = Object.entries(prefers).map(([name, value]) => ({ name, value }));
    await this.#ask('Emulation.setEmulatedMedia', { features });
  }

  /** A key is pressed and let go: `Tab`, `Enter`, `Escape`. */
  async press(key: string, text?: string): Promise<void> {
    const code = { Tab: 9, Enter: 13, Escape: 27, ' ': 32 }[key];
    const event = { key, code: key, windowsVirtualKeyCode: code, ...(text !== undefined && { text }) };
    await this.#ask('Input.dispatchKeyEvent', {
      type: text === undefined ? 'rawKeyDown' : 'keyDown',
      ...event,
    });
    await this.#ask('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  async type(text: string): Promise<void> {
    await this.#ask('Input.insertText', { text });
  }

  /** What is seen of it, or all of it, as a PNG. */
  async picture(isWhole = false): Promise<Buffer> {
    const { data } = await this.#ask('Page.captureScreenshot', {
      format: 'png',
      captureBeyondViewport: isWhole,
    });
    return Buffer.from(data as string, 'base64');
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.#stop();
  }

  async #ask(method: string, params: object = {}): Promise<any> {
    const id = ++this.#asked;
    const answered = new Promise<any>((resolve) => this.#answers.set(id, resolve));
    const session = this.#session === '' ? {} : { sessionId: this.#session };
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    const { result, error } = await within(`the answer to ${method}`, answered, 30_000);
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }
}
